/// Reads the values of a machine. Pure.
///
/// Units: those of the live view; speeds are shown in km/h, as a driver reads them.
import type { Fault, Position } from "./messages";
import type { Machine, Value } from "./reducer";

export const silent_ms = 60_000; // without any value: longer than any message of the live view takes

export function positionOf(machine: Machine): Position | null {
  const value = machine.values["position"]?.value;
  return typeof value === "object" && value !== null && "latitude_deg" in value ? value : null;
}

export const modeOf = (machine: Machine): string => String(machine.values["mode"]?.value ?? "unknown");

export function numberOf(machine: Machine, key: string): number | null {
  const value = machine.values[key]?.value;
  return typeof value === "number" ? value : null;
}

export const headingOf = (machine: Machine): number | null =>
  numberOf(machine, "heading_deg") ?? numberOf(machine, "course_deg");

const kmh_per_mps = 3.6;

/// Over ground, else that of the wheels.
export function speedKmh(machine: Machine): number | null {
  const speed = numberOf(machine, "ground_speed_mps") ?? numberOf(machine, "wheel_speed_mps");
  return speed === null ? null : speed * kmh_per_mps;
}

/// As a person reads it: speeds in km/h.
export const shownUnit = (unit: string | null): string | null => unit === "m/s" ? "km/h" : unit;
export const shownNumber = (value: number, unit: string | null): number => unit === "m/s" ? value * kmh_per_mps : value;

/// The time of the newest value.
export function lastSeen(machine: Machine): string | null {
  let time = machine.seen;
  if (time === null)
    for (const key in machine.values) {
      const one = machine.values[key]?.time;
      if (one && (time === null || one > time))
        time = one;
    }
  return time;
}

// Lists of 10,000 machines ask with the same time. Times of the API have one form, so their texts compare as they do.
let limit = { now: NaN, text: "" };
const seconds_length = "2026-05-01T06:30:00".length;

export function isSilent(machine: Machine, now: number): boolean {
  if (limit.now !== now)
    limit = { now, text: new Date(now - silent_ms).toISOString().slice(0, seconds_length) };
  const time = lastSeen(machine);
  return time === null || time < limit.text;
}

/// Null: not known, as of a machine at another node.
export function activeFaults(machine: Machine): number | null {
  if (!machine.faults)
    return machine.activeFaults;
  let active = 0;
  for (const one of machine.faults.values())
    active += one.list === "active" ? 1 : 0;
  return active;
}

export const lamps = ["red", "malfunction", "amber", "protect", "off"] as const; // the most urgent first
export type Lamp = (typeof lamps)[number];

/// The most urgent lamp of the message; a flashing lamp is on.
export function urgentLamp(of: Fault["lamps"]): Lamp {
  const lit = (state: unknown) => state === "on" || state === "slow" || state === "fast";
  return lit(of.red_stop) ? "red" : lit(of.malfunction) ? "malfunction" : lit(of.amber_warning) ? "amber"
    : lit(of.protect) ? "protect" : "off";
}

/// A value as text parts cannot show it: positions and fixes in one line.
export function plainValue(of: Value): number | string | boolean | null {
  const { value } = of;
  if (typeof value !== "object" || value === null)
    return value;
  if ("latitude_deg" in value)
    return `${value.latitude_deg.toFixed(6)}, ${value.longitude_deg.toFixed(6)}`;
  const word = "word" in value && typeof value.word === "string" ? value.word : `method ${value.method}`;
  return [word, value.satellites === null ? "" : `${value.satellites} satellites`,
    value.hdop === null ? "" : `HDOP ${value.hdop}`].filter((one) => one !== "").join(", ");
}
