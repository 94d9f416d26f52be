/// What the CAN screen keeps of the frames that come: a row for each identifier, and the newest lines.
///
/// Limits: ids_max rows, trail_max lines; the oldest lines go first, further identifiers are counted.
import { type CanFrame, changedBits, frameKey } from "./frame";

export const trail_max = 2000;
const ids_max = 4096;
const rate_frames = 64; // the rate is that of so many frames

export interface IdRow {
  key: string;
  last: CanFrame;
  count: number;
  bitsAt: number[]; // for each bit, byte by byte from bit 7 to 0: when it changed (performance.now()); 0: never
  times: number[]; // of the last frames, milliseconds since 1970
}

export class Trace {
  readonly rows = new Map<string, IdRow>();
  count = 0;
  dropped = 0; // by the node: they came too fast
  idsLeftOut = 0;
  #ring: CanFrame[] = [];
  #next = 0;

  clear(): void {
    this.rows.clear();
    this.#ring = [];
    this.#next = this.count = this.dropped = this.idsLeftOut = 0;
  }

  take(frame: CanFrame, now: number): void {
    this.count += 1;
    this.#ring[this.#next] = frame;
    this.#next = (this.#next + 1) % trail_max;
    const key = frameKey(frame);
    const row = this.rows.get(key);
    if (row)
      this.#update(row, frame, now);
    else if (this.rows.size < ids_max)
      this.rows.set(key, { key, last: frame, count: 1, times: [frame.at], bitsAt: [] });
    else
      this.idsLeftOut += 1;
  }

  #update(row: IdRow, frame: CanFrame, now: number): void {
    if (row.last.payload !== frame.payload)
      changedBits(row.last.payload, frame.payload).forEach((mask, i) => {
        for (let bit = 0; mask !== 0 && bit < 8; ++bit)
          if (mask & (0x80 >> bit))
            row.bitsAt[i * 8 + bit] = now;
      });
    row.last = frame;
    row.count += 1;
    row.times.push(frame.at);
    if (row.times.length > rate_frames)
      row.times.shift();
  }

  /// The newest first.
  newest(fits: (frame: CanFrame) => boolean = () => true): CanFrame[] {
    const lines: CanFrame[] = [];
    for (let i = 1; i <= this.#ring.length; ++i) {
      const frame = this.#ring[(this.#next - i + trail_max) % trail_max];
      if (frame && fits(frame))
        lines.push(frame);
    }
    return lines;
  }
}

/// Frames a second; null: one frame is no rate.
export function rateOf(row: IdRow): number | null {
  const [first, last] = [row.times[0], row.times.at(-1)];
  return first === undefined || last === undefined || last <= first ? null
    : ((row.times.length - 1) * 1000) / (last - first);
}

/// When a byte has changed last; 0: never.
export function byteChangedAt(row: IdRow, index: number): number {
  let at = 0;
  for (let bit = index * 8; bit < index * 8 + 8; ++bit)
    at = Math.max(at, row.bitsAt[bit] ?? 0);
  return at;
}

const fade_ms = 2000;
/// "fresh-3" just now to "fresh-1", "" when it is old: a class of the style sheet.
export function freshness(changedAt: number, now: number): string {
  if (changedAt === 0 || now - changedAt >= fade_ms)
    return "";
  return `fresh fresh-${3 - Math.floor(((now - changedAt) / fade_ms) * 3)}`;
}
