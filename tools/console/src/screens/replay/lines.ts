/// Lines of a chart as wide as it has pixels: of each bucket of time the smallest and the largest value. Pure.
import type { Signal, Track } from "./track";

export interface Buckets {
  times: number[]; // seconds since 1970, two for each bucket
  of: (number | null | undefined)[][]; // a line for each track; null: no data; undefined: no point of its own
}

/// All lines have the same times, so nothing has to be joined.
export function bucketLines(tracks: readonly Track[], key: Signal, from: number, to: number, count: number): Buckets {
  const width = (to - from) / count;
  const times: number[] = [];
  for (let i = 0; i < count; ++i)
    times.push((from + i * width) / 1000, (from + (i + 0.5) * width) / 1000);
  return { times, of: tracks.map((track) => lineOf(track, key, from, width, count)) };
}

function lineOf(track: Track, key: Signal, from: number, width: number, count: number): (number | null | undefined)[] {
  const line = new Array<number | null | undefined>(count * 2).fill(null);
  let lastBucket = -1;
  let lastAt = -Infinity;
  for (let i = Math.max(0, track.indexAt(from)); i < track.length; ++i) {
    const value = track.value(key, i);
    const at = track.times.at(i);
    const bucket = Math.floor((at - from) / width);
    if (bucket >= count)
      break;
    if (Number.isNaN(value) || bucket < 0)
      continue;
    // Buckets shorter than the time between two rows are no gaps.
    if (bucket > lastBucket + 1 && lastBucket >= 0 && at - lastAt <= track.gapMs)
      line.fill(undefined, (lastBucket + 1) * 2, bucket * 2);
    const [low, high] = [line[bucket * 2], line[bucket * 2 + 1]];
    if (bucket !== lastBucket)
      line[bucket * 2] = line[bucket * 2 + 1] = value;
    else {
      line[bucket * 2] = Math.min(low ?? value, value);
      line[bucket * 2 + 1] = Math.max(high ?? value, value);
    }
    [lastBucket, lastAt] = [bucket, at];
  }
  return line;
}
