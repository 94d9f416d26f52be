/// The telemetry of one machine in a time range, in columns, and what follows from it. Pure.
///
/// Units: times in milliseconds since 1970, positions in degrees, distances in metres. NaN: no value.
/// Limits: a gap longer than the track's gapMs belongs to nothing: it is no stop, no distance and no working time.
import type { SeriesValue, TelemetryColumns } from "../../api/series";
import type { Schema } from "../../api/types";

export type Row = Schema<"telemetry">;
export type Signal = Exclude<keyof Row, "time" | "mode">;

export const signals: Record<Signal, { title: string; unit: string }> = {
  speed_kmh: { title: "Ground speed", unit: "km/h" },
  wheel_speed_kmh: { title: "Wheel speed", unit: "km/h" },
  engine_speed_rpm: { title: "Engine speed", unit: "rpm" },
  engine_load_pct: { title: "Engine load", unit: "%" },
  fuel_rate_lph: { title: "Fuel rate", unit: "L/h" },
  fuel_level_pct: { title: "Fuel level", unit: "%" },
  coolant_temperature_c: { title: "Coolant temperature", unit: "°C" },
  oil_pressure_kpa: { title: "Oil pressure", unit: "kPa" },
  battery_v: { title: "Battery", unit: "V" },
  ambient_temperature_c: { title: "Air temperature", unit: "°C" },
  rear_pto_rpm: { title: "Rear PTO", unit: "rpm" },
  front_pto_rpm: { title: "Front PTO", unit: "rpm" },
  rear_hitch_pct: { title: "Rear hitch", unit: "%" },
  front_hitch_pct: { title: "Front hitch", unit: "%" },
  altitude_m: { title: "Altitude", unit: "m" },
  course_deg: { title: "Course", unit: "°" },
  engine_hours_h: { title: "Engine hours", unit: "h" },
  total_fuel_l: { title: "Total fuel", unit: "L" },
  latitude_deg: { title: "Latitude", unit: "°" },
  longitude_deg: { title: "Longitude", unit: "°" },
};
export const signal_keys = Object.keys(signals) as Signal[];

export const modes = ["unknown", "off", "idle", "moving", "working"] as const;
export type Mode = (typeof modes)[number];

export const gap_ms = 60_000; // of every row; where rows are left out: gap_rows of them
const gap_rows = 2.5;
export const stop_min_ms = 120_000;
const stop_kmh = 0.5;
const speed_max_mps = 60; // a faster jump is a fault of the position

/// Grows by doubling, so that pages are added without copies of all that came before.
class Column<Store extends Float64Array | Float32Array | Uint8Array> {
  store: Store;
  constructor(readonly make: (length: number) => Store) { this.store = make(4096); }
  set(index: number, value: number): void {
    if (index >= this.store.length) {
      const grown = this.make(this.store.length * 2);
      grown.set(this.store);
      this.store = grown;
    }
    this.store[index] = value;
  }
  at(index: number): number { return this.store[index] ?? NaN; }
}
const doubles = () => new Column((length) => new Float64Array(length));
const singles = () => new Column((length) => new Float32Array(length).fill(NaN));

const numberAt = (column: readonly SeriesValue[] | undefined, i: number): number => {
  const value = column?.[i];
  return typeof value === "number" ? value : NaN;
};

export class Track {
  length = 0;
  readonly times = doubles();
  readonly latitude = doubles();
  readonly longitude = doubles();
  readonly mode = new Column((length) => new Uint8Array(length));
  readonly #values = new Map<Signal, ReturnType<typeof singles>>();
  readonly #loaded = new Set<string>(); // columns, also those without any value
  everyMs = 0; // rows were left out: the time between two of them
  detail: Track | null = null; // every row of a part of the range
  detailFrom = 0;
  detailTo = 0;

  constructor(readonly name: string) {}

  get gapMs(): number { return Math.max(gap_ms, gap_rows * this.everyMs); }

  /// Rows come in order of time.
  add(page: TelemetryColumns): void {
    const first = this.length;
    const { latitude_deg, longitude_deg, mode } = page.columns;
    page.times.forEach((at, i) => {
      this.times.set(first + i, at);
      this.latitude.set(first + i, numberAt(latitude_deg, i));
      this.longitude.set(first + i, numberAt(longitude_deg, i));
      this.mode.set(first + i, Math.max(0, modes.indexOf((mode?.[i] ?? "unknown") as Mode)));
    });
    this.length += page.times.length;
    this.everyMs = Math.max(this.everyMs, page.everyMs);
    this.addValues(page);
  }

  /// Further columns of rows that are known.
  addValues(page: TelemetryColumns): void {
    let row = Math.max(0, this.indexAt(page.times[0] ?? 0));
    const rows = page.times.map((at) => {
      while (row < this.length && this.times.at(row) < at)
        row += 1;
      return this.times.at(row) === at ? row : -1;
    });
    for (const [key, values] of Object.entries(page.columns)) {
      this.#loaded.add(key);
      if (!(key in signals) || key === "latitude_deg" || key === "longitude_deg")
        continue;
      values.forEach((value, i) => {
        const of = rows[i] ?? -1;
        if (typeof value !== "number" || of < 0)
          return;
        let column = this.#values.get(key as Signal);
        if (!column)
          this.#values.set(key as Signal, column = singles());
        column.set(of, value);
      });
    }
  }

  value(key: Signal, index: number): number {
    return key === "latitude_deg" ? this.latitude.at(index) : key === "longitude_deg" ? this.longitude.at(index)
      : this.#values.get(key)?.at(index) ?? NaN;
  }
  has(key: Signal): boolean { return this.#values.has(key); }
  /// Whether the node was asked for this column.
  asked(key: Signal): boolean { return this.#loaded.has(key); }
  modeAt(index: number): Mode { return modes[this.mode.at(index)] ?? "unknown"; }

  /// The last row at or before the time; -1: there is none.
  indexAt(at: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times.at(middle) <= at)
        low = middle + 1;
      else
        high = middle;
    }
    return low - 1;
  }
}

export interface Place {
  latitude: number;
  longitude: number;
  heading: number | null; // degrees from north
  index: number; // of the row that holds
  old: boolean; // the last known place: no data at this time
}

/// Where the machine is at a time, between two rows if they are close.
export function placeAt(whole: Track, at: number): Place | null {
  const track = whole.detail && at >= whole.detailFrom && at < whole.detailTo ? whole.detail : whole;
  let i = track.indexAt(at);
  while (i >= 0 && Number.isNaN(track.latitude.at(i)))
    i -= 1;
  if (i < 0)
    return null;
  const [latitude, longitude, time] = [track.latitude.at(i), track.longitude.at(i), track.times.at(i)];
  const course = track.value("course_deg", i);
  const heading = Number.isNaN(course) ? null : course;
  const next = i + 1;
  const span = next < track.length ? track.times.at(next) - time : Infinity;
  if (span > track.gapMs || Number.isNaN(track.latitude.at(next)))
    return { latitude, longitude, heading, index: i, old: at - time > track.gapMs };
  const part = Math.min(1, (at - time) / span);
  return {
    latitude: latitude + (track.latitude.at(next) - latitude) * part,
    longitude: longitude + (track.longitude.at(next) - longitude) * part,
    heading, index: i, old: false,
  };
}

const radians = Math.PI / 180;
/// On a sphere; good to 0.5 % over the length of a field.
export function metresBetween(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const x = (lon2 - lon1) * radians * Math.cos(((lat1 + lat2) / 2) * radians);
  const y = (lat2 - lat1) * radians;
  return 6_371_008.8 * Math.hypot(x, y);
}

export interface Stop {
  from: number;
  to: number;
  latitude: number;
  longitude: number;
}

/// Where the machine stood for longer than two minutes. Without a speed nothing is said.
export function stopsOf(track: Track, minMs = stop_min_ms): Stop[] {
  const found: Stop[] = [];
  let first = -1;
  const end = (last: number) => {
    if (first < 0)
      return;
    const [from, to] = [track.times.at(first), track.times.at(last)];
    const latitude = track.latitude.at(first);
    if (to - from >= minMs && !Number.isNaN(latitude))
      found.push({ from, to, latitude, longitude: track.longitude.at(first) });
    first = -1;
  };
  for (let i = 0; i < track.length; ++i) {
    if (first >= 0 && track.times.at(i) - track.times.at(i - 1) > track.gapMs)
      end(i - 1);
    const stands = track.value("speed_kmh", i) < stop_kmh;
    if (stands && first < 0)
      first = i;
    else if (!stands)
      end(i - 1);
  }
  end(track.length - 1);
  return found;
}

export interface Totals {
  distanceM: number | null; // null: no positions
  ms: Record<Mode, number>;
  fuelL: number | null; // from the fuel rate; null: no fuel rate
}

export function totalsOf(track: Track): Totals {
  const ms: Totals["ms"] = { unknown: 0, off: 0, idle: 0, moving: 0, working: 0 };
  let [distance, fuel, positions] = [0, 0, 0];
  let [lastLat, lastLon, lastAt] = [NaN, NaN, NaN];
  for (let i = 0; i < track.length; ++i) {
    const at = track.times.at(i);
    const span = i + 1 < track.length ? track.times.at(i + 1) - at : 0;
    if (span <= track.gapMs) {
      ms[track.modeAt(i)] += span;
      const rate = track.value("fuel_rate_lph", i);
      fuel += Number.isNaN(rate) ? 0 : (rate * span) / 3_600_000;
    }
    const latitude = track.latitude.at(i);
    if (Number.isNaN(latitude))
      continue;
    const longitude = track.longitude.at(i);
    const metres = metresBetween(lastLat, lastLon, latitude, longitude);
    const seconds = (at - lastAt) / 1000;
    if (seconds <= track.gapMs / 1000 && metres <= speed_max_mps * Math.max(1, seconds))
      distance += metres;
    [lastLat, lastLon, lastAt] = [latitude, longitude, at];
    positions += 1;
  }
  return { distanceM: positions > 0 ? distance : null, ms, fuelL: track.has("fuel_rate_lph") ? fuel : null };
}
