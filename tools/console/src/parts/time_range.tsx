/// Two times in the browser's time zone, and ranges that people often want.
import { useId } from "preact/hooks";
import { nodeNow } from "../format/clock";
import { localTime, parseTime } from "../format/time";

const hour_ms = 3_600_000;

export interface TimeRangeProps {
  from: number; // milliseconds since 1970
  to: number;
  onChange: (range: { from: string; to: string }) => void; // RFC 3339 in UTC
}

const field = (at: number): string => localTime(at).replace(" ", "T");

function dayStart(at: number, days = 0): number {
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  day.setDate(day.getDate() + days);
  return day.getTime();
}

export function TimeRange({ from, to, onChange }: TimeRangeProps) {
  const id = useId();
  const set = (first: number, last: number) =>
    onChange({ from: new Date(first).toISOString(), to: new Date(last).toISOString() });
  const typed = (text: string, then: (at: number) => void) => {
    const at = parseTime(text);
    if (at !== null)
      then(at);
  };
  const preset = (choice: string) => {
    const now = Math.floor(nodeNow() / 1000) * 1000;
    if (choice === "hour")
      set(now - hour_ms, now);
    else if (choice === "today")
      set(dayStart(now), now);
    else if (choice === "yesterday")
      set(dayStart(now, -1), dayStart(now));
    else if (choice === "week")
      set(now - 7 * 24 * hour_ms, now);
  };
  return (
    <div class="time-range row" role="group" aria-label="Time range">
      <label for={`${id}f`}>From</label>
      <input id={`${id}f`} type="datetime-local" step={1} value={field(from)} max={field(to)}
        onChange={(event) => typed(event.currentTarget.value, (at) => set(at, Math.max(at + 1000, to)))} />
      <label for={`${id}t`}>To</label>
      <input id={`${id}t`} type="datetime-local" step={1} value={field(to)} min={field(from)}
        onChange={(event) => typed(event.currentTarget.value, (at) => set(Math.min(from, at - 1000), at))} />
      <select aria-label="Often used ranges" value="" onChange={(event) => {
        preset(event.currentTarget.value);
        event.currentTarget.value = "";
      }}>
        <option value="">Range…</option>
        <option value="hour">Last hour</option>
        <option value="today">Today</option>
        <option value="yesterday">Yesterday</option>
        <option value="week">Last 7 days</option>
      </select>
    </div>
  );
}
