/// Yield samples of the records of kind yield: values for dots, classes of a legend, sums. Pure.
///
/// Units: mass flow in kg/s, so yield = flow / (width * speed) in kg/m²; 1 kg/m² is 10 t/ha.
import { parseTime } from "../../format/time";

export interface Sample {
  at: number;
  latitude: number;
  longitude: number;
  flow: number;
  width: number;
  speed: number;
  moisture: number | null;
}

const numberOf = (value: unknown): number | null => typeof value === "number" && Number.isFinite(value) ? value : null;

/// Null: no position, or not a sample.
export function readSample(record: Record<string, unknown>): Sample | null {
  const at = parseTime(typeof record["time"] === "string" ? record["time"] : null);
  const [latitude, longitude] = [numberOf(record["latitude_deg"]), numberOf(record["longitude_deg"])];
  const [flow, width, speed] = [numberOf(record["mass_flow_kgps"]), numberOf(record["width_m"]),
    numberOf(record["speed_mps"])];
  if (at === null || latitude === null || longitude === null || flow === null || width === null || speed === null)
    return null;
  return { at, latitude, longitude, flow, width, speed, moisture: numberOf(record["moisture_pct"]) };
}

export const shown_values = {
  yield: { title: "Yield", unit: "t/ha",
    of: (one: Sample): number | null => one.width * one.speed > 0 ? (one.flow / (one.width * one.speed)) * 10 : null },
  moisture: { title: "Moisture", unit: "%", of: (one: Sample): number | null => one.moisture },
  flow: { title: "Mass flow", unit: "kg/s", of: (one: Sample): number | null => one.flow },
  speed: { title: "Speed", unit: "m/s", of: (one: Sample): number | null => one.speed },
} as const;
export type ShownValue = keyof typeof shown_values;

// From low to high; told apart by people who see no red or green.
export const class_colors = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"] as const;

/// The upper ends of all classes but the last: as many samples in each. Fewer when values repeat.
export function classEnds(values: readonly number[]): number[] {
  const ordered = [...values].sort((a, b) => a - b);
  const ends: number[] = [];
  for (let i = 1; i < class_colors.length; ++i) {
    const end = ordered[Math.floor((i * ordered.length) / class_colors.length)];
    if (end !== undefined && end > (ends.at(-1) ?? ordered[0] ?? end))
      ends.push(end);
  }
  return ends;
}
export function classOf(value: number, ends: readonly number[]): number {
  const found = ends.findIndex((end) => value < end);
  return found < 0 ? ends.length : found;
}

const gap_ms = 10_000;

export interface Harvest {
  areaM2: number;
  massKg: number;
}
/// Each sample holds until the next one, 10 s at most. The samples are those of one machine, in order of time.
export function harvestOf(samples: readonly Sample[]): Harvest {
  const sum: Harvest = { areaM2: 0, massKg: 0 };
  samples.forEach((one, i) => {
    const next = samples[i + 1];
    const seconds = next && next.at - one.at <= gap_ms ? (next.at - one.at) / 1000 : 0;
    sum.areaM2 += one.width * one.speed * seconds;
    sum.massKg += one.flow * seconds;
  });
  return sum;
}
