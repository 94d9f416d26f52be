/// Loads the telemetry of machines: what the pictures have room for, and every row around the cursor.
///
/// Shape: a long range comes as one answer a machine, with rows some seconds apart. Once the cursor stays for a moment
///   in an hour of it, all rows of that hour follow. A chart that is added asks for its own column.
import { useEffect, useState } from "preact/hooks";
import { type ApiProblem, isAbort, toProblem } from "../../api/problem";
import { eachTelemetry } from "../../api/series";
import type { Player } from "./player";
import { type Signal, Track } from "./track";

const requests_max = 3; // the node answers some at once, to everybody
const rows_max = 10_000; // of one machine: a day with a row each 10 s
const draw_ms = 400;
const detail_ms = 3_600_000;
const settled_ms = 700; // the cursor stays in this hour
const detail_speed_max = 20; // faster pictures show no more than the thinned rows

const track_columns = ["mode", "latitude_deg", "longitude_deg", "speed_kmh", "course_deg", "fuel_rate_lph"];

export interface Loading {
  name: string;
  track: Track;
  done: number; // part of the range that is loaded, 0 to 1
  problem: ApiProblem | null;
}

/// At most some requests at once, in the order in which they were asked for.
class Line {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  async run(work: () => Promise<void>): Promise<void> {
    if (this.#running >= requests_max)
      await new Promise<void>((go) => this.#waiting.push(go));
    this.#running += 1;
    try {
      await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

/// No more rows than pictures have room for; null: every row.
const pointsFor = (from: number, to: number): number | null => to - from <= rows_max * 1000 ? null : rows_max;

/// The rows, or further columns of rows that are there.
async function loadOne(
  one: Loading, rows: boolean, columns: readonly string[], from: number, to: number, signal: AbortSignal,
  changed: () => void): Promise<void> {
  try {
    await eachTelemetry(one.name, columns, { from, to }, pointsFor(from, to), signal, (page, next) => {
      if (!rows)
        return one.track.addValues(page);
      one.track.add(page);
      one.done = next === null ? 1 : Math.min(0.99, (next - from) / (to - from));
      changed();
    });
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

class Tracks {
  range = "";
  readonly of = new Map<string, Loading>();
  readonly stop = new Map<string, AbortController>();
  readonly asked = new Map<string, Set<string>>(); // columns
  readonly ready = new Map<string, Promise<void>>(); // what was asked for is there
  readonly line = new Line();

  forget(name: string): void {
    this.stop.get(name)?.abort();
    this.stop.delete(name);
    this.asked.delete(name);
    this.ready.delete(name);
    this.of.delete(name);
  }

  /// What is not asked for yet.
  ask(name: string, wanted: readonly string[], from: number, to: number, changed: () => void): void {
    const one = this.of.get(name) ?? { name, track: new Track(name), done: 0, problem: null };
    const known = this.asked.get(name) ?? new Set();
    const columns = [...known.size === 0 ? track_columns : [], ...wanted]
      .filter((column, i, all) => !known.has(column) && all.indexOf(column) === i);
    if (columns.length === 0)
      return;
    const stop = this.stop.get(name) ?? new AbortController();
    this.of.set(name, one);
    this.stop.set(name, stop);
    this.asked.set(name, new Set([...known, ...columns]));
    const rows = known.size === 0;
    const before = rows ? Promise.resolve() : this.ready.get(name);
    this.ready.set(name, (async () => {
      await before;
      await this.line.run(async () => {
        if (!stop.signal.aborted)
          await loadOne(one, rows, columns, from, to, stop.signal,
            () => { if (this.of.get(name) === one) changed(); });
      });
    })());
  }
}

/// Begins anew with other machines or another range; a machine that stays in the range is not loaded again.
export function useTracks(
  names: readonly string[], wanted: readonly Signal[], from: number, to: number, farm: string, player: Player): Loaded {
  const range = `${farm} ${from} ${to}`;
  const [kept] = useState(() => new Tracks());
  const [version, setVersion] = useState(0);
  const [paced] = useState(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    return () => { timer ??= setTimeout(() => { timer = undefined; setVersion((was) => was + 1); }, draw_ms); };
  });

  useEffect(() => {
    const gone = (name: string) => kept.range !== range || !names.includes(name);
    [...kept.of.keys()].filter(gone).forEach((name) => kept.forget(name));
    kept.range = range;
    for (const name of names)
      kept.ask(name, wanted, from, to, paced);
    paced();
  }, [range, names.join("\n"), wanted.join()]);
  useEffect(() => () => kept.stop.forEach((one) => one.abort()), []);
  useDetail(kept, names, from, to, player, paced);

  return { machines: names.flatMap((one) => kept.of.get(one) ?? []), version };
}

/// Every row of the hour around the cursor, where the range is thinned.
function useDetail(
  kept: Tracks, names: readonly string[], from: number, to: number, player: Player, changed: () => void): void {
  useEffect(() => {
    if (pointsFor(from, to) === null)
      return undefined;
    let asking: AbortController | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hour = NaN;
    const load = async (of: number) => {
      const mine = (asking = new AbortController());
      const part = { from: of * detail_ms, to: (of + 1) * detail_ms - 1 };
      await Promise.all(names.map((name) => kept.line.run(async () => {
        const detail = new Track(name);
        await eachTelemetry(name, track_columns, part, null, mine.signal, (page) => detail.add(page))
          .catch(() => undefined); // the thinned rows stay
        const one = kept.of.get(name);
        if (mine.signal.aborted || !one || detail.length === 0)
          return;
        Object.assign(one.track, { detail, detailFrom: part.from, detailTo: part.to });
        changed();
      })));
    };
    const stop = player.shown.subscribe((at) => {
      const now = Math.floor(at / detail_ms);
      if (now === hour)
        return;
      hour = now;
      asking?.abort();
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (!player.playing.peek() || player.speed.peek() <= detail_speed_max)
          void load(now);
        else
          hour = NaN;
      }, settled_ms);
    });
    return () => {
      stop();
      asking?.abort();
      clearTimeout(timer);
    };
  }, [names.join("\n"), from, to]);
}
