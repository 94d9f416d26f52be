/// Stored values of a machine for the charts, loaded once and then continued.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import { allPages } from "../../api/paging";
import { type ApiProblem, isAbort, toProblem } from "../../api/problem";
import { nodeNow } from "../../format/clock";
import { parseTime } from "../../format/time";
import type { Fleet } from "../../live/store";
import { shownNumber } from "../../live/values";
import { type Point, grown, keepNewest, middleOf } from "./line";
import { type Range, type Source, bucket_ms, windowOf } from "./range";

const rows_max = 20_000;
const again_ms = 15_000; // live values fill the time until then
const tail_points_max = 7200; // of one value: an hour at two a second

/// The name under which a source's points are kept; telemetry rows have many columns and are loaded once.
export const sourceKey = (of: Source): string =>
  of.kind === "telemetry" ? `telemetry ${of.column}` : `rollup ${of.signal} ${of.bucket}`;

type Points = Record<string, Point[]>;
const iso = (ms: number): string => new Date(ms).toISOString();

async function telemetry(
  name: string, columns: readonly string[], from: number, to: number, signal: AbortSignal): Promise<Points> {
  const found: Points = {};
  for (const column of columns)
    found[`telemetry ${column}`] = [];
  await allPages(async (query) => {
    const page = await get("/api/v1/equipment/{name}/telemetry",
      { path: { name }, query: { from: iso(from), to: iso(to), ...query }, signal });
    for (const row of page.telemetry)
      for (const column of columns) {
        const value = (row as Record<string, unknown>)[column];
        const time = parseTime(row.time);
        if (typeof value === "number" && time !== null)
          found[`telemetry ${column}`]?.push({ time, value });
      }
    return { rows: page.telemetry, next: page.next };
  }, rows_max);
  return found;
}

async function rollup(
  name: string, of: Source & { kind: "rollup" }, from: number, to: number, signal: AbortSignal): Promise<Points> {
  const all = await allPages(async (query) => {
    const page = await get("/api/v1/equipment/{name}/rollup", { path: { name },
      query: { signal: of.signal, bucket: of.bucket, from: iso(from), to: iso(to), ...query }, signal });
    return { rows: page.rollup, next: page.next };
  }, rows_max);
  const [length, now] = [bucket_ms[of.bucket], nodeNow()];
  return { [sourceKey(of)]: all.rows.flatMap((row) => {
    const start = parseTime(row.time);
    return start === null ? []
      : [{ time: middleOf(start, length, now), value: row.mean * of.factor + of.offset }];
  }) };
}

/// Where the next load begins: the bucket that was not complete is asked again, and replaced.
const resumeAt = (of: Source, points: readonly Point[] | undefined, from: number): number => {
  const last = points?.[points.length - 1]?.time;
  if (last === undefined)
    return from;
  return of.kind === "telemetry" ? last : Math.floor(last / bucket_ms[of.bucket]) * bucket_ms[of.bucket];
};

export interface History {
  points: Points;
  problem: ApiProblem | undefined;
  loading: boolean;
}

/// Stored points by sourceKey. A range that ends now is continued every 15 s while the page is shown.
export function useHistory(name: string, sources: readonly Source[], range: Range): History {
  const [state, setState] = useState<History & { key: string }>({ key: "", points: {}, problem: undefined,
    loading: true });
  const key = JSON.stringify([name, sources, range]);
  useEffect(() => {
    const asking = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let points: Points = {};
    const load = async () => {
      const { from, to } = windowOf(range, nodeNow());
      const first = sources.find((one) => one.kind === "telemetry");
      const columns = sources.flatMap((one) => one.kind === "telemetry" ? [one.column] : []);
      const parts: Promise<Points>[] = [];
      if (first) {
        // All columns go on from the same row: that of the column that is furthest.
        const starts = columns.map((one) => resumeAt(first, points[`telemetry ${one}`], from));
        parts.push(telemetry(name, columns, Math.max(from, ...starts), to, asking.signal));
      }
      for (const one of sources)
        if (one.kind === "rollup")
          parts.push(rollup(name, one, resumeAt(one, points[sourceKey(one)], from), to, asking.signal));
      const next: Points = { ...points };
      for (const part of await Promise.all(parts))
        for (const [of, more] of Object.entries(part))
          next[of] = grown(next[of] ?? [], more, from);
      points = next;
    };
    const run = async () => {
      try {
        if (!document.hidden)
          await load();
        if (!asking.signal.aborted)
          setState({ key, points, problem: undefined, loading: false });
      } catch (error) {
        if (isAbort(error) || asking.signal.aborted)
          return;
        setState({ key, points, problem: toProblem(error), loading: false });
      }
      if (range.kind === "live" && !asking.signal.aborted)
        timer = setTimeout(() => void run(), again_ms);
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
