/// CAN frames of the stream and of /api/v1/frames: one frame, its text, and what changed between two. Pure.
import { parseTime } from "../../format/time";
import type { FrameLine } from "../../live/messages";

export interface CanFrame {
  seq: number;
  time: string; // RFC 3339 with microseconds
  at: number; // milliseconds since 1970
  bus: string;
  id: string; // hex: three or eight digits
  extended: boolean;
  remote: boolean;
  error: boolean;
  kind: string; // classic, fd, xl
  length: number;
  pgn: number | null; // null: an identifier of 11 bits
  name: string; // of the message; empty: not known, or the node sends none
  source: number | null;
  payload: string; // hex, in capitals
  fdFlags: number;
}

const text = (value: unknown): string => typeof value === "string" ? value : "";
const whole = (value: unknown): number | null => typeof value === "number" ? value : null;

/// Null: not a frame.
export function readFrame(line: FrameLine): CanFrame | null {
  const id = text(line["can_id"]);
  const at = parseTime(text(line["time"]));
  if (id === "" || at === null)
    return null;
  const extended = line["extended"] === true;
  return {
    seq: whole(line["seq"]) ?? 0, time: text(line["time"]), at, bus: text(line["bus"]), id, extended,
    remote: line["remote"] === true, error: line["error"] === true, kind: text(line["kind"]) || "classic",
    length: whole(line["length"]) ?? 0, pgn: whole(line["pgn"]), name: text(line["name"]),
    source: extended && line["error"] !== true ? parseInt(id.slice(-2), 16) : null,
    payload: text(line["payload"]), fdFlags: whole(line["fd_flags"]) ?? 0,
  };
}

/// The bytes of a text of hex digits.
export function bytesOf(payload: string): number[] {
  const bytes: number[] = [];
  for (let i = 0; i + 1 < payload.length; i += 2)
    bytes.push(parseInt(payload.slice(i, i + 2), 16));
  return bytes;
}

/// For each byte of the new payload, a mask of the bits that differ. A byte that was not there before has all bits.
export function changedBits(before: string, now: string): number[] {
  const was = bytesOf(before);
  return bytesOf(now).map((byte, i) => {
    const old = was[i];
    return old === undefined ? 0xff : old ^ byte;
  });
}

/// A line as `candump -L` writes it. Microseconds are those of the frame's time.
export function candumpLine(frame: CanFrame): string {
  const seconds = Math.floor(frame.at / 1000);
  const fraction = (/\.(\d+)/.exec(frame.time)?.[1] ?? "").padEnd(6, "0").slice(0, 6);
  const body = frame.kind === "fd" ? `##${(frame.fdFlags & 15).toString(16).toUpperCase()}${frame.payload}`
    : frame.remote ? `#R${frame.length > 0 ? frame.length : ""}` : `#${frame.payload}`;
  return `(${seconds}.${fraction}) ${frame.bus || "can0"} ${frame.id}${body}`;
}

export const candumpText = (frames: readonly CanFrame[]): string =>
  frames.map((one) => candumpLine(one) + "\n").join("");

/// "2:18FEF100": frames of one row of the table.
export const frameKey = (frame: CanFrame): string => `${frame.bus} ${frame.id}`;
