import assert from "node:assert/strict";
import { test } from "node:test";
import type { Machine } from "../../live/reducer";
import { type StoredFault, fits, previousRows, readState, storedRow, summaryOf } from "./rows";

const time = "2026-05-01T06:30:00.000000Z";
const fault = (spn: number, more: Partial<StoredFault> = {}): StoredFault => ({
  farm: "default", equipment: "T1", bus: "can0", source: 0, iso_name: null, spn, name: null, fmi: 3,
  meaning: "voltage too high", active: true, first_seen: time, last_seen: time, cleared: null, appearances: 1,
  occurrences: 2, lamp: "amber",
  ...more,
});
const all = { machine: "", spn: "", lamp: "" };

test("faults: filters by machine, SPN and the least lamp", () => {
  const row = storedRow(fault(97, { name: "ET1.engine_coolant_temperature" }));
  assert.equal(row.name, "ET1.engine_coolant_temperature");
  assert.equal(fits(row, all), true);
  assert.equal(fits(row, { ...all, machine: "t1" }), true);
  assert.equal(fits(row, { ...all, spn: "100, 97" }), true);
  assert.equal(fits(row, { ...all, spn: "9" }), false);
  assert.equal(fits(row, { ...all, lamp: "protect" }), true, "amber is more urgent than protect");
  assert.equal(fits(row, { ...all, lamp: "red" }), false);
});

test("faults: a cleared fault says so, and lamps are counted", () => {
  const rows = [storedRow(fault(97)), storedRow(fault(98, { active: false, cleared: time, lamp: "red" }))];
  assert.deepEqual(rows.map((one) => one.state), ["active", "cleared"]);
  assert.deepEqual(summaryOf(rows),
    { machines: 1, lamps: { red: 1, malfunction: 0, amber: 1, protect: 0, off: 0 } });
});

test("faults: previous faults come from the live view", () => {
  const lamps = { protect: "off", amber_warning: "on", red_stop: "off", malfunction: "off" };
  const of = (list: "active" | "previous", spn: number) => ({ event: "present" as const, bus: 0, source: 38, list, spn,
    fmi: 4, meaning: null, count: null, lamps, first_seen: time, last_seen: time });
  const machine: Machine = { name: "T1", seq: 1, connected: true, node: "n1", relayed: false, values: {},
    seen: null, activeFaults: null, own: {}, ledger: null,
    faults: new Map([["a", of("active", 1)], ["b", of("previous", 2)]]) };
  const rows = previousRows([machine, { ...machine, name: "T2", faults: null }]);
  assert.deepEqual(rows.map((one) => [one.machine, one.spn, one.state, one.lamp, one.count]),
    [["T1", 2, "previous", "amber", null]]);
});

test("faults: an unknown list is that of the active faults", () => {
  assert.equal(readState("history"), "history");
  assert.equal(readState(""), "active");
});
