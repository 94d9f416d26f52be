import assert from "node:assert/strict";
import { test } from "node:test";
import { CoverageGrid } from "./coverage";
import { SectionTimeline, planOf, statesOf, sweepSections } from "./sections";

const metre = 1 / 111_195;
const property = (ddi: number, raw: number) => ({ ddi, name: null, value: null, unit: null, raw });
const section = (number: number, rightMm: number) => ({ number, type: "section", designator: null, parent: 1,
  properties: [property(67, 1000), property(134, 0), property(135, rightMm)] });
const drill = { bus: 0, address: 128, name: null, device: null, values: [],
  elements: [{ number: 0, type: "device", designator: "Drill", parent: null, properties: [] }, section(3, 1500),
    section(2, -1500)] };

test("sections: places come from the description, in the order of their numbers", () => {
  const plan = planOf([drill] as never);
  assert.deepEqual(plan?.sections.map((one) => one.rightM), [-1.5, 1.5]);
  assert.equal(plan?.source, 128);
  assert.equal(planOf([{ ...drill, elements: [] }] as never), null);
});

test("sections: states are two bits each, and other process data has none", () => {
  // Element 1, DDI 161: sections 1 and 6 are on, 13 to 16 are not installed.
  const states = statesOf("1300A100010400FF");
  assert.equal(states?.first, 0);
  assert.deepEqual(states?.on.flatMap((one, i) => one ? [i + 1] : []), [1, 6]);
  assert.equal(statesOf("1300A20001000000")?.first, 16);
  assert.equal(statesOf("1300430001000000"), null); // a working width
  assert.equal(statesOf("1200A10001000000"), null); // a request
});

test("sections: only the way of the sections that are on is worked", () => {
  const size = 20 * metre;
  const square = { type: "Polygon", coordinates: [[[0, 0], [size, 0], [size, size], [0, size], [0, 0]]] } as const;
  const plan = planOf([drill] as never);
  assert.ok(plan);
  const line = new SectionTimeline(plan);
  line.add(0, 0, [false, true]);
  line.add(5000, 0, [false, false]);
  const grid = new CoverageGrid(square as never, [0, 0, size, size], 0.5);
  const step = (at: number, north: number) => ({ at, latitude: north * metre, longitude: 10 * metre });
  sweepSections(grid, step(1000, 0), step(2000, 10), line); // to the north: right is east
  sweepSections(grid, step(6000, 10), step(7000, 20), line);
  assert.ok(Math.abs(grid.result.workedM2 - 10) < 3, String(grid.result.workedM2));
  const { cells, columns } = grid.result;
  const at = (east: number, north: number) => cells[Math.floor(north) * columns + Math.floor(east)] ?? 0;
  assert.ok(at(11, 5) > 0);
  assert.equal(at(8, 5), 0);
  assert.equal(at(11, 15), 0);
});
