/// The points of a line: stored ones, and live ones after them. Pure.
///
/// Units: times in milliseconds in points, in seconds in lines, as the chart wants them.
export interface Point {
  time: number;
  value: number;
}
export interface Line {
  times: number[];
  values: (number | null)[];
}

/// `more` begins where `points` end: a point of the same time replaces the old one, which was not complete.
export function grown(points: readonly Point[], more: readonly Point[], from: number): Point[] {
  const first = more[0]?.time ?? Infinity;
  return [...points.filter((one) => one.time >= from && one.time < first), ...more];
}

/// A null is between points that are further apart than `gap_ms`: nothing is known of the time between them.
export function lineOf(
  stored: readonly Point[], live: readonly Point[], from: number, to: number, gapMs: number): Line {
  const line: Line = { times: [], values: [] };
  let last: number | null = null;
  const add = ({ time, value }: Point) => {
    if (time < from || time > to || (last !== null && time <= last))
      return;
    if (last !== null && time - last > gapMs) {
      line.times.push((last + 1) / 1000);
      line.values.push(null);
    }
    line.times.push(time / 1000);
    line.values.push(value);
    last = time;
  };
  stored.forEach(add);
  live.forEach(add);
  return line;
}

export const isEmpty = (line: Line): boolean => line.values.every((one) => one === null);

/// The mean of a bucket is drawn in the middle of the bucket, or of the part that has passed.
export const middleOf = (start: number, bucketMs: number, now: number): number =>
  Math.max(start, Math.min(start + bucketMs / 2, (start + now) / 2));

/// Keeps the newest points, at most `max`.
export function keepNewest(points: Point[], from: number, max: number): void {
  let drop = Math.max(0, points.length - max);
  while (drop < points.length && (points[drop]?.time ?? from) < from)
    drop += 1;
  if (drop > 0)
    points.splice(0, drop);
}
