/// The time of the node, as seen here: the clock of a tablet in a cab may be wrong.
import { signal } from "@preact/signals";
import { parseTime } from "./time";

let offsetMs = 0;
let known = false;

/// The time of a message that has just come. Small differences are transport and do not matter.
export function noteServerTime(time: string): void {
  const at = parseTime(time);
  if (at === null)
    return;
  const offset = at - Date.now();
  if (!known || Math.abs(offset - offsetMs) > 2000)
    offsetMs = offset;
  known = true;
}

/// Milliseconds since 1970 at the node.
export const nodeNow = (): number => Date.now() + offsetMs;

/// Moves each second while the page is shown. A component that reads it is drawn again each second.
export const clock = signal(nodeNow());

export function startClock(): () => void {
  const timer = setInterval(() => {
    if (!document.hidden)
      clock.value = nodeNow();
  }, 1000);
  return () => clearInterval(timer);
}
