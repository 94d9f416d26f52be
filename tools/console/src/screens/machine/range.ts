/// The time range of the charts, and which stored values fit it. Pure.
import { parseTime } from "../../format/time";
import { quantityOf } from "./quantities";

export const ranges =
  { "15m": 900_000, "1h": 3_600_000, "8h": 28_800_000, "1d": 86_400_000, "7d": 604_800_000, "100d": 8_640_000_000 } as const;
export type RangeId = keyof typeof ranges;
export const range_titles: Record<RangeId, string> =
  { "15m": "15 min", "1h": "1 h", "8h": "8 h", "1d": "Day", "7d": "Week", "100d": "Season" };
export const default_range: RangeId = "15m";

export interface LiveRange {
  kind: "live"; // ends now
  id: RangeId;
  length: number;
}
export interface OwnRange {
  kind: "own";
  from: number;
  to: number;
}
export type Range = LiveRange | OwnRange;

/// Of the address: `range`, or `from` and `to`. What cannot be read is the default.
export function readRange(range: string, from: string, to: string): Range {
  const [first, last] = [parseTime(from), parseTime(to)];
  if (first !== null && last !== null && first < last)
    return { kind: "own", from: first, to: last };
  const id = (Object.keys(ranges) as RangeId[]).find((one) => one === range) ?? default_range;
  return { kind: "live", id, length: ranges[id] };
}

export const lengthOf = (range: Range): number => range.kind === "live" ? range.length : range.to - range.from;
export const windowOf = (range: Range, now: number): { from: number; to: number } =>
  range.kind === "live" ? { from: now - range.length, to: now } : { from: range.from, to: range.to };

const rows_max_ms = 3_600_000; // telemetry has a row a second: an hour of it is what a page loads at once

/// Whether live values go on with the line. Among means of a long time single values would be a spike at its end.
export const takesLive = (range: Range): boolean => range.kind === "live" && range.length <= rows_max_ms;

export type Source =
  | { kind: "telemetry"; column: string }
  | { kind: "signal"; signal: string; points: number; factor: number; offset: number };

/// Where the history of a value is; null: it has none. `stored` are the signals that the machine has sent.
export function sourceOf(id: string, lengthMs: number, pixels: number, stored: ReadonlySet<string>): Source | null {
  const quantity = quantityOf(id);
  if (quantity?.column && lengthMs <= rows_max_ms)
    return { kind: "telemetry", column: quantity.column };
  const points = Math.max(pixels, 200);
  if (!quantity)
    return stored.has(id) ? { kind: "signal", signal: id, points, factor: 1, offset: 0 } : null;
  const carrier = quantity.signals.find((one) => stored.has(one.name));
  return carrier
    ? { kind: "signal", signal: carrier.name, points, factor: carrier.factor, offset: carrier.offset } : null;
}

const row_gap_ms = 15_000; // an unchanged value comes every 10 s
/// `bucketMs`: of the stored values; 0: single ones.
export const gapOf = (bucketMs: number): number => Math.max(row_gap_ms, 1.6 * bucketMs);
