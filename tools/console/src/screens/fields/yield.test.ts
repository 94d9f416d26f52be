import assert from "node:assert/strict";
import { test } from "node:test";
import { type Sample, classEnds, classOf, harvestOf, readSample, shown_values } from "./yield";

const sample = (second: number, patch: Partial<Sample> = {}): Sample =>
  ({ at: second * 1000, latitude: 50, longitude: 10, flow: 6, width: 5, speed: 2, moisture: null, ...patch });

test("yield: a record without a position or a flow is no dot", () => {
  const record = { time: "2026-05-01T06:30:00Z", latitude_deg: 50, longitude_deg: 10, mass_flow_kgps: 6, width_m: 5,
    speed_mps: 2, moisture_pct: null };
  assert.equal(readSample(record)?.moisture, null);
  assert.equal(readSample({ ...record, latitude_deg: null }), null);
  assert.equal(readSample({ ...record, mass_flow_kgps: undefined }), null);
});

test("yield: flow over width and speed, none at a standstill", () => {
  assert.equal(shown_values.yield.of(sample(0)), 6);
  assert.equal(shown_values.yield.of(sample(0, { speed: 0 })), null);
});

test("yield: sums hold each sample until the next, but not over a gap", () => {
  const { areaM2, massKg } = harvestOf([sample(0), sample(4), sample(100)]);
  assert.equal(areaM2, 40);
  assert.equal(massKg, 24);
});

test("yield: classes have as many samples each, fewer when values repeat", () => {
  const ends = classEnds([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(ends, [3, 5, 7, 9]);
  assert.deepEqual([1, 3, 10].map((one) => classOf(one, ends)), [0, 1, 4]);
  assert.deepEqual(classEnds([2, 2, 2]), []);
  assert.deepEqual(classEnds([]), []);
});
