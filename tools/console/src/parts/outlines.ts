/// Country outlines, as outlines.mjs codes them.
import text from "furrow:outlines";

export type Line = [latitude: number, longitude: number][];

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const steps_per_degree = 10;

export function readLine(coded: string): Line {
  const line: Line = [];
  let [x, y, rest, shift, first] = [0, 0, 0, 0, true];
  for (const character of coded) {
    const digit = digits.indexOf(character);
    rest |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32)
      continue;
    const difference = rest & 1 ? -(rest + 1) / 2 : rest / 2;
    [rest, shift] = [0, 0];
    if (first)
      x += difference;
    else {
      y += difference;
      line.push([y / steps_per_degree, x / steps_per_degree]);
    }
    first = !first;
  }
  return line;
}

let lines: Line[] | null = null;
export const outlines = (): Line[] => (lines ??= text.split(" ").map(readLine));
