/// Loads the telemetry of machines page by page, a few requests at a time.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import { type ApiProblem, isAbort, toProblem } from "../../api/problem";
import { parseTime } from "../../format/time";
import { Track } from "./track";

const requests_max = 3; // the node answers 16 pages at once, to everybody
const rows_max = 200_000; // of one machine: two days by the second
const draw_ms = 400;

export interface Loading {
  name: string;
  track: Track;
  done: number; // part of the range that is loaded, 0 to 1
  cut: boolean; // the rest of the range was left out
  problem: ApiProblem | null;
}

async function loadOne(
  one: Loading, from: number, to: number, signal: AbortSignal, changed: () => void): Promise<void> {
  let after: string | null = null;
  const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  try {
    do {
      const page: { telemetry: Parameters<Track["add"]>[0]; next: string | null } =
        await get("/api/v1/equipment/{name}/telemetry", {
          path: { name: one.name }, query: { ...range, after }, signal });
      if (signal.aborted)
        return;
      one.track.add(page.telemetry);
      after = page.next;
      one.done = ((parseTime(after) ?? to) - from) / (to - from);
      one.cut = after !== null && one.track.length >= rows_max;
      changed();
    } while (after !== null && !one.cut);
    one.done = 1;
  } catch (error) {
    if (isAbort(error))
      return;
    one.problem = toProblem(error);
    one.done = 1;
  }
  changed();
}

export interface Loaded {
  machines: Loading[];
  version: number; // grows when there is more data
}

/// Begins anew with other machines or another range; a machine that stays in the range is not loaded again.
export function useTracks(names: readonly string[], from: number, to: number, farm: string): Loaded {
  const range = `${farm} ${from} ${to}`;
  const [kept] = useState(() =>
    ({ range: "", of: new Map<string, Loading>(), stop: new Map<string, AbortController>() }));
  const [version, setVersion] = useState(0);
  const [queue] = useState(() => ({ running: 0, waiting: [] as (() => void)[] }));

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const changed = () => {
      timer ??= setTimeout(() => { timer = undefined; setVersion((was) => was + 1); }, draw_ms);
    };
    const forget = (name: string) => {
      kept.stop.get(name)?.abort();
      kept.stop.delete(name);
      kept.of.delete(name);
    };
    if (kept.range !== range)
      [...kept.of.keys()].forEach(forget);
    kept.range = range;
    [...kept.of.keys()].filter((one) => !names.includes(one)).forEach(forget);
    for (const name of names) {
      if (kept.of.has(name))
        continue;
      const one: Loading = { name, track: new Track(name), done: 0, cut: false, problem: null };
      const stop = new AbortController();
      kept.of.set(name, one);
      kept.stop.set(name, stop);
      const run = async () => {
        queue.running += 1;
        if (!stop.signal.aborted)
          await loadOne(one, from, to, stop.signal, () => { if (kept.of.get(name) === one) changed(); });
        queue.running -= 1;
        queue.waiting.shift()?.();
      };
      if (queue.running < requests_max)
        void run();
      else
        queue.waiting.push(() => void run());
    }
    changed();
    return () => {
      clearTimeout(timer);
      timer = undefined;
    };
  }, [range, names.join("\n")]);
  useEffect(() => () => kept.stop.forEach((one) => one.abort()), []);

  return { machines: names.flatMap((one) => kept.of.get(one) ?? []), version };
}
