/// Asks the node again and again while the screen is shown.
import { useEffect, useRef, useState } from "preact/hooks";
import { farm } from "./client";
import { type ApiProblem, isAbort, toProblem } from "./problem";

export interface Polled<T> {
  value: T | undefined; // the last good answer
  problem: ApiProblem | undefined; // of the last request, when it failed
  loading: boolean; // nothing has been answered yet
  reload: () => void;
}

/// Calls `read` at once, and again `interval_ms` after each answer; 0: once. Another `key` or farm begins anew.
/// A hidden page asks for nothing.
export function usePoll<T>(
  read: (signal: AbortSignal) => Promise<T>, intervalMs: number, key: string | number = ""): Polled<T> {
  const whole = `${farm.value} ${key}`;
  const [state, setState] = useState<{ key: string; value?: T; problem?: ApiProblem }>({ key: whole });
  const reader = useRef(read);
  reader.current = read;
  const again = useRef<() => void>(() => undefined);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking: AbortController | undefined;
    let ended = false;
    let due = true;
    const run = async () => {
      clearTimeout(timer);
      if (document.hidden) {
        due = true;
        return;
      }
      due = false;
      asking?.abort();
      const mine = (asking = new AbortController());
      try {
        const value = await reader.current(mine.signal);
        if (!ended && mine === asking)
          setState({ key: whole, value });
      } catch (error) {
        if (!ended && mine === asking && !isAbort(error))
          setState((was) => ({ ...(was.key === whole ? was : { key: whole }), problem: toProblem(error) }));
      }
      if (!ended && mine === asking && intervalMs > 0)
        timer = setTimeout(() => { due = true; void run(); }, intervalMs);
    };
    const shown = () => {
      if (!document.hidden && due)
        void run();
    };
    again.current = () => void run();
    document.addEventListener("visibilitychange", shown);
    void run();
    return () => {
      ended = true;
      clearTimeout(timer);
      asking?.abort();
      document.removeEventListener("visibilitychange", shown);
    };
  }, [whole, intervalMs]);

  const now = state.key === whole ? state : { key: whole, value: undefined, problem: undefined };
  return { value: now.value, problem: now.problem, loading: now.value === undefined && now.problem === undefined,
    reload: () => again.current() };
}
