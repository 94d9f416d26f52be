import assert from "node:assert/strict";
import { test } from "node:test";
import { grown, isEmpty, keepNewest, lineOf, middleOf } from "./line";
import { kindOf, titleOf } from "./quantities";
import { gapOf, readRange, sourceOf, takesLive, windowOf } from "./range";
import { inFieldUnits, sectionWords } from "./units";

const hour = 3_600_000;
const points = (...times: number[]) => times.map((time) => ({ time, value: time / 10 }));

test("machine range: reads the address, and takes the default for what it cannot read", () => {
  assert.deepEqual(readRange("8h", "", ""), { kind: "live", id: "8h", length: 8 * hour });
  assert.deepEqual(readRange("x", "2026-05-01T00:00:00Z", "nonsense"), { kind: "live", id: "15m", length: hour / 4 });
  const own = readRange("8h", "2026-05-01T00:00:00Z", "2026-05-01T01:00:00Z");
  assert.deepEqual(own, { kind: "own", from: Date.UTC(2026, 4, 1), to: Date.UTC(2026, 4, 1, 1) });
  assert.deepEqual(windowOf(readRange("1h", "", ""), 2 * hour), { from: hour, to: 2 * hour });
});

test("machine range: a season is one of the ranges, and a bucket without values is a gap", () => {
  assert.equal(windowOf(readRange("100d", "", ""), 100 * 24 * hour).from, 0);
  assert.equal(gapOf(0), 15_000);
  assert.equal(gapOf(hour), 1.6 * hour);
});

test("machine range: an hour comes from telemetry, a day from the signal that the machine sends", () => {
  const stored = new Set(["CCVS1.wheel_based_vehicle_speed", "My.signal"]);
  assert.deepEqual(sourceOf("wheel_speed_mps", hour, 800, stored), { kind: "telemetry", column: "wheel_speed_kmh" });
  assert.deepEqual(sourceOf("wheel_speed_mps", 24 * hour, 800, stored),
    { kind: "signal", signal: "CCVS1.wheel_based_vehicle_speed", points: 800, factor: 1, offset: 0 });
  assert.deepEqual(sourceOf("My.signal", hour, 800, stored),
    { kind: "signal", signal: "My.signal", points: 800, factor: 1, offset: 0 });
  assert.equal(sourceOf("intake_air_temperature_c", hour, 800, stored), null);
});

test("machine range: live values go on with up to an hour, and not with means of a day", () => {
  assert.equal(takesLive(readRange("1h", "", "")), true);
  assert.equal(takesLive(readRange("1d", "", "")), false);
  assert.equal(takesLive(readRange("", "2026-05-01T00:00:00Z", "2026-05-01T00:10:00Z")), false);
});

test("machine line: live points follow the stored ones, and a pause is a gap", () => {
  const line = lineOf(points(1000, 2000), points(1500, 2500, 9000), 0, 10_000, 3000);
  assert.deepEqual(line.times, [1, 2, 2.5, 2.501, 9]);
  assert.deepEqual(line.values, [100, 200, 250, null, 900]);
  assert.equal(isEmpty(lineOf(points(1000), [], 2000, 3000, 10)), true);
});

test("machine line: newer points replace the last one and push the oldest out", () => {
  assert.deepEqual(grown(points(1, 2, 3), points(3, 4), 2).map((one) => one.time), [2, 3, 4]);
  assert.deepEqual(grown(points(1, 2), [], 2).map((one) => one.time), [2]);
  const kept = points(1, 2, 3, 4);
  keepNewest(kept, 2, 2);
  assert.deepEqual(kept.map((one) => one.time), [3, 4]);
  assert.equal(middleOf(0, 60, 1000), 30);
  assert.equal(middleOf(0, 60, 20), 10);
});

test("machine: names and kinds of values", () => {
  assert.equal(titleOf("engine_speed_rpm"), "engine speed");
  assert.equal(titleOf("rear_pto_rpm"), "rear PTO");
  assert.equal(titleOf("yaw_rate_dps"), "yaw rate");
  assert.equal(titleOf("EEC1.engine_speed"), "EEC1.engine_speed");
  assert.equal(kindOf("a_new_value"), "Other");
});

test("machine: process data in the units of the field", () => {
  assert.deepEqual(inFieldUnits(24_000, "mm³/m²"), { value: 240, unit: "L/ha" });
  assert.deepEqual(inFieldUnits(6000, "mm"), { value: 6, unit: "m" });
  assert.deepEqual(inFieldUnits(null, "mm"), { value: null, unit: "mm" });
  assert.equal(sectionWords(1, ["on", "on", "off", "not_installed"]), "sections 1 to 4: 2 on, 1 off, 1 not installed");
});
