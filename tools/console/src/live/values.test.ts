import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault, LiveValue } from "./messages";
import type { Machine } from "./reducer";
import { activeFaults, isSilent, lastSeen, plainValue, positionOf, shownNumber, speedKmh, urgentLamp } from "./values";

const at = "2026-05-01T06:30:00.000000Z";
export const machineWith = (values: Record<string, LiveValue>, time = at): Machine => ({
  name: "T1", seq: 1, connected: true, node: "n1", relayed: false, seen: null, activeFaults: null, own: {},
  faults: null, ledger: null,
  values: Object.fromEntries(Object.entries(values).map(([key, value]) =>
    [key, { value, time, unit: null, pgn: null, source: null, bus: null }])),
});
const lamps = (more: object): Fault["lamps"] =>
  ({ protect: "off", amber_warning: "off", red_stop: "off", malfunction: null, ...more });

test("values: the wheel speed is used without a ground speed, and absent is not zero", () => {
  assert.equal(speedKmh(machineWith({ ground_speed_mps: 10, wheel_speed_mps: 5 })), 36);
  assert.equal(speedKmh(machineWith({ wheel_speed_mps: 5 })), 18);
  assert.equal(speedKmh(machineWith({})), null);
  assert.equal(shownNumber(10, "m/s"), 36);
  assert.equal(shownNumber(10, "rpm"), 10);
});

test("values: a machine is silent after a minute without values", () => {
  const machine = machineWith({ mode: "idle" });
  assert.equal(lastSeen(machine), at);
  assert.equal(isSilent(machine, Date.parse(at) + 59_000), false);
  assert.equal(isSilent(machine, Date.parse(at) + 61_000), true);
  assert.equal(isSilent(machineWith({}), Date.parse(at)), true);
});

test("values: positions and fixes are one line", () => {
  const machine = machineWith({ position: { latitude_deg: 51.5, longitude_deg: 10.25 } });
  assert.deepEqual(positionOf(machine), { latitude_deg: 51.5, longitude_deg: 10.25 });
  assert.equal(plainValue(machine.values["position"]!), "51.500000, 10.250000");
  const fix = machineWith({ gnss: { method: 4, satellites: 12, hdop: null } });
  assert.equal(plainValue(fix.values["gnss"]!), "method 4, 12 satellites");
});

test("values: the most urgent lamp is named, and flashing is on", () => {
  assert.equal(urgentLamp(lamps({ amber_warning: "on", red_stop: "fast" })), "red");
  assert.equal(urgentLamp(lamps({ amber_warning: "slow" })), "amber");
  assert.equal(urgentLamp(lamps({})), "off");
  assert.equal(activeFaults(machineWith({})), null);
});
