/// Stored values of a machine for the charts, loaded once and then continued.
import { useEffect, useState } from "preact/hooks";
import { type ApiProblem, isAbort, toProblem } from "../../api/problem";
import { eachTelemetry, signalColumns } from "../../api/series";
import { nodeNow } from "../../format/clock";
import { parseTime } from "../../format/time";
import type { Fleet } from "../../live/store";
import { shownNumber } from "../../live/values";
import { type Point, grown, keepNewest, middleOf } from "./line";
import { type Range, type Source, windowOf } from "./range";

const again_ms = 15_000; // live values fill the time until then
const tail_points_max = 7200; // of one value: an hour at two a second

/// The name under which a source's points are kept; telemetry rows have many columns and are loaded once.
export const sourceKey = (of: Source): string =>
  of.kind === "telemetry" ? `telemetry ${of.column}` : `signal ${of.signal} ${of.points}`;

type Points = Record<string, Point[]>;

async function telemetry(
  name: string, columns: readonly string[], from: number, to: number, signal: AbortSignal): Promise<Points> {
  const found: Points = {};
  for (const column of columns)
    found[`telemetry ${column}`] = [];
  await eachTelemetry(name, columns, { from, to }, null, signal, ({ times, columns: values }) => {
    for (const column of columns)
      values[column]?.forEach((value, i) => {
        if (typeof value === "number")
          found[`telemetry ${column}`]?.push({ time: times[i] ?? 0, value });
      });
  });
  return found;
}

interface Line {
  points: Point[];
  bucketMs: number; // 0: single values
}

/// As the node sums a signal up for so many pixels.
async function summedUp(
  name: string, of: Source & { kind: "signal" }, from: number, to: number, signal: AbortSignal): Promise<Line> {
  const { bucketMs, times, values } = await signalColumns(name, of.signal, { from, to }, of.points, signal);
  const now = nodeNow();
  const points = times.flatMap((time, i): Point[] => {
    const value = values[i] ?? null;
    return value === null ? []
      : [{ time: bucketMs === null ? time : middleOf(time, bucketMs, now), value: value * of.factor + of.offset }];
  });
  return { points, bucketMs: bucketMs ?? 0 };
}

/// Where the next load of rows begins.
const resumeAt = (points: readonly Point[] | undefined, from: number): number =>
  points?.[points.length - 1]?.time ?? from;

export interface History {
  points: Points;
  buckets: Record<string, number>; // milliseconds, by sourceKey; absent or 0: single values
  problem: ApiProblem | undefined;
  loading: boolean;
}

/// Stored points by sourceKey. A range that ends now is continued every 15 s while the page is shown.
export function useHistory(name: string, sources: readonly Source[], range: Range): History {
  const [state, setState] = useState<History & { key: string }>({ key: "", points: {}, buckets: {},
    problem: undefined, loading: true });
  const key = JSON.stringify([name, sources, range]);
  useEffect(() => {
    const asking = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let points: Points = {};
    let buckets: History["buckets"] = {};
    const load = async () => {
      const { from, to } = windowOf(range, nodeNow());
      const columns = sources.flatMap((one) => one.kind === "telemetry" ? [one.column] : []);
      const next: Points = { ...points };
      const sizes = { ...buckets };
      const rows = async () => {
        // All columns go on from the same row: that of the column that is furthest.
        const starts = columns.map((one) => resumeAt(points[`telemetry ${one}`], from));
        const more = await telemetry(name, columns, Math.max(from, ...starts), to, asking.signal);
        for (const [of, part] of Object.entries(more))
          next[of] = grown(next[of] ?? [], part, from);
      };
      const line = async (one: Source & { kind: "signal" }) => {
        const made = await summedUp(name, one, from, to, asking.signal);
        next[sourceKey(one)] = made.points;
        sizes[sourceKey(one)] = made.bucketMs;
      };
      await Promise.all([...columns.length > 0 ? [rows()] : [],
        ...sources.flatMap((one) => one.kind === "signal" ? [line(one)] : [])]);
      [points, buckets] = [next, sizes];
    };
    const run = async () => {
      try {
        if (!document.hidden)
          await load();
        if (!asking.signal.aborted)
          setState({ key, points, buckets, problem: undefined, loading: false });
      } catch (error) {
        if (isAbort(error) || asking.signal.aborted)
          return;
        setState({ key, points, buckets, problem: toProblem(error), loading: false });
      }
      if (range.kind === "live" && !asking.signal.aborted)
        timer = setTimeout(() => void run(), Math.max(again_ms, ...Object.values(buckets).map((one) => one / 2)));
    };
    void run();
    return () => {
      asking.abort();
      clearTimeout(timer);
    };
    // The key stands for the name, the sources and the range.
  }, [key]);
  return state.key === key ? state : { ...state, loading: true };
}

/// Live values of a machine since the screen was opened, by key. The arrays grow in place.
export function useTail(fleet: Fleet, name: string, keys: readonly string[], lengthMs: number): Points {
  const [points] = useState<{ name: string; of: Points }>({ name, of: {} });
  if (points.name !== name) {
    points.name = name;
    points.of = {};
  }
  const version = fleet.version(name).value;
  useEffect(() => {
    const machine = fleet.machines.get(name);
    if (!machine)
      return;
    for (const key of keys) {
      const value = machine.values[key];
      const time = parseTime(value?.time);
      if (!value || time === null || (typeof value.value !== "number" && typeof value.value !== "boolean"))
        continue;
      const line = (points.of[key] ??= []);
      if (time > (line[line.length - 1]?.time ?? 0))
        line.push({ time, value: shownNumber(Number(value.value), value.unit) });
      keepNewest(line, nodeNow() - lengthMs, tail_points_max);
    }
  }, [fleet, version, name, keys.join()]);
  return points.of;
}
