/// Numbers as text. Absent is not zero: a value that is not a number is shown as "–".
import { absent } from "./time";

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0, useGrouping: true });

/// Beyond this JSON.parse has rounded: 15 digits are certain, further ones would be made up.
const certain_digits = 15;

/// With so many digits after the point that about four significant ones are shown.
export function number(value: unknown, digits?: number): string {
  if (typeof value !== "number" || !Number.isFinite(value))
    return absent;
  const size = Math.abs(value);
  if (size > Number.MAX_SAFE_INTEGER)
    return `≈ ${value.toPrecision(certain_digits)}`;
  const after = digits ?? (Number.isInteger(value) || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3);
  if (after === 0 && size < 1e15)
    return grouped.format(value);
  const text = value.toFixed(after);
  return digits === undefined && after > 0 ? text.replace(/\.?0+$/, "") : text;
}

const unit_texts: Record<string, string> = { deg: "°", degC: "°C", percent: "%", "m/s": "m/s", kmh: "km/h" };
export const unitText = (unit: string | null | undefined): string => unit ? unit_texts[unit] ?? unit : "";

/// "12 KiB"
export function bytes(value: unknown): string {
  if (typeof value !== "number" || !Number.isFinite(value))
    return absent;
  let [rest, step] = [value, 0];
  while (rest >= 1024 && step < 4) {
    rest /= 1024;
    step += 1;
  }
  return `${number(rest, step === 0 ? 0 : 1)} ${["B", "KiB", "MiB", "GiB", "TiB"][step]}`;
}

/// "1 machine", "3 machines"
export const count = (n: number, one: string, more = one + "s"): string => `${number(n, 0)} ${n === 1 ? one : more}`;

/// A key of the live view as words: "engine_speed_rpm" is "engine speed".
const unit_ends = /_(rpm|mps|kmh|pct|percent|deg|deg_c|degc|kpa|pa|v|l|lph|m|nm|km|h|s|per_km|per_s|c)$/;
export const keyWords = (key: string): string => key.replace(unit_ends, "").replaceAll("_", " ");
