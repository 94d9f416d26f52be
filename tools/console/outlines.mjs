// Country outlines of Natural Earth at 1:110,000,000 as one text: what src/parts/outlines.ts reads.
//
// Shape: lines are separated by spaces. A line is a sequence of coordinates, longitude and latitude in turn, in steps of
// 1/10 degree, each the difference to the one before (the first: to 0). A difference is zigzag coded in base 64; the
// digits 32 to 63 say that another digit of 5 bits follows, least significant first.
import { readFileSync } from "node:fs";
import { mesh } from "topojson-client";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const steps_per_degree = 10;

function coded(difference) {
  let rest = difference < 0 ? -2 * difference - 1 : 2 * difference;
  let text = "";
  do {
    const low = rest & 31;
    rest >>= 5;
    text += digits[rest > 0 ? low | 32 : low];
  } while (rest > 0);
  return text;
}

export function outlines() {
  const file = new URL("node_modules/world-atlas/countries-110m.json", import.meta.url);
  const atlas = JSON.parse(readFileSync(file, "utf8"));
  const lines = mesh(atlas, atlas.objects.countries).coordinates;
  return lines.map((line) => {
    let [x, y] = [0, 0];
    let text = "";
    line.forEach(([longitude, latitude], i) => {
      const [nextX, nextY] = [Math.round(longitude * steps_per_degree), Math.round(latitude * steps_per_degree)];
      if (i > 0 && nextX === x && nextY === y)
        return;
      text += coded(nextX - x) + coded(nextY - y);
      [x, y] = [nextX, nextY];
    });
    return text;
  }).join(" ");
}
