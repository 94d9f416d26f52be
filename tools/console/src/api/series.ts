/// Stored values as columns, thinned by the node to what a picture has pixels for.
///
/// Units: times in milliseconds since 1970.
import { getUntyped } from "./client";

export type SeriesValue = number | string | null;

/// Rows of telemetry: columns of equal length.
export interface TelemetryColumns {
  everyMs: number; // between two rows, where rows were left out; 0: every row
  times: number[];
  columns: Record<string, SeriesValue[]>;
}

/// The values of a signal, or their buckets.
export interface SignalColumns {
  bucketMs: number | null; // null: single values
  times: number[]; // of a bucket its start
  values: (number | null)[]; // of a bucket its mean
}

export interface TimeRange {
  from: number;
  to: number;
}

interface TelemetryPage {
  every_s: number | null;
  time_us: number[];
  columns: Record<string, SeriesValue[]>;
  next: string | null;
}
interface SignalAnswer {
  bucket_s: number | null;
  time_us: number[];
  value: (number | null)[] | null;
  mean: (number | null)[] | null;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const us_per_ms = 1000;

/// With `points` the node leaves rows out, so that there are at most so many. Calls `take` for each page;
/// false: that is enough.
export async function eachTelemetry(name: string, columns: readonly string[], range: TimeRange, points: number | null,
  signal: AbortSignal, take: (page: TelemetryColumns, next: number | null) => boolean | void): Promise<void> {
  let after: string | null = null;
  do {
    const page = await getUntyped("/api/v1/equipment/{name}/telemetry/series", { path: { name }, signal,
      query: { columns: columns.join(","), from: iso(range.from), to: iso(range.to), points, after } }) as TelemetryPage;
    after = page.next;
    const times = page.time_us.map((one) => one / us_per_ms);
    const more = take({ everyMs: points === null ? 0 : (page.every_s ?? 0) * 1000, times, columns: page.columns },
      after === null ? null : times.at(-1) ?? null);
    if (more === false)
      return;
  } while (after !== null);
}

export async function signalColumns(
  name: string, of: string, range: TimeRange, points: number, signal: AbortSignal): Promise<SignalColumns> {
  const answer = await getUntyped("/api/v1/equipment/{name}/signals/{signal}", { path: { name, signal: of }, signal,
    query: { from: iso(range.from), to: iso(range.to), points } }) as SignalAnswer;
  return { bucketMs: answer.bucket_s === null ? null : answer.bucket_s * 1000,
    times: answer.time_us.map((one) => one / us_per_ms), values: answer.value ?? answer.mean ?? [] };
}
