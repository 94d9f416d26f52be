/// The frames of one machine as they come, over a stream of the screen's own.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiProblem } from "../../api/problem";
import { useWatch } from "../../live/live";
import { readFrame } from "./frame";
import { Trace } from "./trace";

const draw_ms = 250;

export interface LiveTrace {
  trace: Trace;
  now: number; // of the picture: performance.now()
  state: string;
  problem: ApiProblem | null;
  clear: () => void;
}

/// Draws the component four times a second while frames come and `frozen` is false.
export function useLiveTrace(machine: string, frames: string, frozen: boolean): LiveTrace {
  const trace = useRef(new Trace());
  const [now, setNow] = useState(performance.now());
  const still = useRef(frozen);
  still.current = frozen;
  const watch = useWatch({ machines: [machine], signals: ["none"], frames, maxHz: 1 }, {
    frames: (message) => {
      if (still.current)
        return;
      const at = performance.now();
      for (const line of message.frames) {
        const frame = readFrame(line);
        if (frame)
          trace.current.take(frame, at);
      }
    },
    dropped: (count) => { trace.current.dropped += count; },
  });
  const clear = () => {
    trace.current.clear();
    setNow(performance.now());
  };
  useEffect(clear, [machine, frames]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden && !still.current)
        setNow(performance.now());
    }, draw_ms);
    return () => clearInterval(timer);
  }, []);
  return { trace: trace.current, now, state: watch?.state.value ?? "connecting", problem: watch?.problem.value ?? null,
    clear };
}
