import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault, MachineMessage, StateMessage } from "./messages";
import { apply, beginConnection, newKnowledge } from "./reducer";

const time = "2026-05-01T06:30:00.000000Z";
const rpm = (value: number) => ({ engine_speed_rpm: { value, time } });
const whole = (name: string, seq = 1, more: Partial<MachineMessage> = {}): MachineMessage =>
  ({ name, seq, whole: true, connected: true, node: "n1",
    values: { engine_speed_rpm: { value: 900, time, unit: "rpm", pgn: 61444, source: 0, bus: 0 } }, ...more });
const snapshot = (at: number, machines: MachineMessage[], more = false): StateMessage =>
  ({ type: "snapshot", at, time, more, machines, ...(more ? {} : { id: `e.f.${at}` }) });
const delta = (from: number, at: number, machines: MachineMessage[], more = false): StateMessage =>
  ({ type: "delta", from, at, time, more, machines, ...(more ? {} : { id: `e.f.${at}` }) });
const fault = (spn: number, event: Fault["event"]): Fault =>
  ({ event, bus: 0, source: 0, list: "active", spn, fmi: 3, meaning: null, count: 1,
    lamps: { protect: null, amber_warning: null, red_stop: null, malfunction: null }, first_seen: time,
    last_seen: time });

test("reducer: takes a snapshot and what changes after it", () => {
  const known = newKnowledge();
  assert.deepEqual(apply(known, snapshot(7, [whole("T1")])),
    { changed: ["T1"], removed: [], members: true, gap: false });
  const said = apply(known, delta(7, 9, [{ name: "T1", seq: 9, whole: false, values: rpm(1462) }]));
  assert.deepEqual(said, { changed: ["T1"], removed: [], members: false, gap: false });
  assert.deepEqual(known.machines.get("T1")?.values["engine_speed_rpm"],
    { value: 1462, time, unit: "rpm", pgn: 61444, source: 0, bus: 0 });
  assert.equal(known.id, "e.f.9");
  assert.equal(known.at, 9);
});

test("reducer: a delta that goes on from a later message is a gap", () => {
  const known = newKnowledge();
  apply(known, snapshot(7, [whole("T1")]));
  assert.equal(apply(known, delta(8, 9, [whole("T2")])).gap, true);
  assert.equal(known.id, null);
  assert.equal(known.machines.has("T2"), false);
  assert.equal(known.machines.has("T1"), true, "what is known stays until the snapshot");
});

test("reducer: a delta that goes on from an earlier message is no gap", () => {
  const known = newKnowledge();
  apply(known, snapshot(7, [whole("T1")]));
  assert.equal(apply(known, delta(5, 9, [whole("T2")])).gap, false);
});

test("reducer: a delta before any snapshot is a gap", () => {
  assert.equal(apply(newKnowledge(), delta(0, 3, [])).gap, true);
});

test("reducer: a snapshot in pieces replaces what was known when it is whole", () => {
  const known = newKnowledge();
  apply(known, snapshot(3, [whole("T1"), whole("T2"), whole("T3")]));
  apply(known, snapshot(9, [whole("T1")], true));
  assert.equal(known.machines.size, 3);
  assert.equal(known.id, "e.f.3", "only the last piece has an id");
  const said = apply(known, snapshot(9, [whole("T3")]));
  assert.deepEqual(said.removed, ["T2"]);
  assert.deepEqual([...known.machines.keys()], ["T1", "T3"]);
});

test("reducer: pieces of a delta go on from the same message", () => {
  const known = newKnowledge();
  apply(known, snapshot(3, [whole("T1"), whole("T2")]));
  assert.equal(apply(known, delta(3, 9, [{ name: "T1", seq: 9, values: rpm(1) }], true)).gap, false);
  assert.equal(apply(known, delta(3, 9, [{ name: "T2", seq: 9, values: rpm(2) }])).gap, false);
  assert.equal(known.at, 9);
});

test("reducer: a new connection does not continue the pieces of the old one", () => {
  const known = newKnowledge();
  apply(known, snapshot(3, [whole("T1"), whole("T2")]));
  apply(known, snapshot(9, [whole("T1")], true));
  beginConnection(known);
  apply(known, snapshot(12, [whole("T2")]));
  assert.deepEqual([...known.machines.keys()], ["T2"]);
});

test("reducer: forgets a machine that is gone", () => {
  const known = newKnowledge();
  apply(known, snapshot(3, [whole("T1"), whole("T2")]));
  assert.deepEqual(apply(known, delta(3, 4, [{ name: "T1", seq: 4, gone: "silent" }])),
    { changed: [], removed: ["T1"], members: true, gap: false });
});

test("reducer: a whole machine replaces the one that was known", () => {
  const known = newKnowledge();
  apply(known, snapshot(3, [whole("T1", 1, { faults: [fault(110, "present")] })]));
  apply(known, delta(3, 4, [{ name: "T1", seq: 4, whole: true, connected: false, node: "n2", values: {} }]));
  assert.deepEqual(known.machines.get("T1"),
    { name: "T1", seq: 4, connected: false, node: "n2", relayed: false, values: {}, seen: null, activeFaults: null,
      own: {}, faults: null, ledger: null });
});

test("reducer: a machine that a site forwards is marked until its gateway sends by itself", () => {
  const known = newKnowledge();
  apply(known, snapshot(3, [whole("T1", 3, { relayed: true }), whole("T2")]));
  const relayed = () => ["T1", "T2"].map((name) => known.machines.get(name)?.relayed);
  assert.deepEqual(relayed(), [true, false]);
  apply(known, delta(3, 4, [{ name: "T1", seq: 4, whole: false, values: rpm(950) }]));
  assert.deepEqual(relayed(), [true, false], "a message without `connected` says nothing of it");
  apply(known, delta(4, 5, [{ name: "T1", seq: 5, whole: false, connected: false, node: "n1", relayed: true }]));
  assert.deepEqual(relayed(), [true, false], "also while the line of the site is away");
  apply(known, delta(5, 6, [{ name: "T1", seq: 6, whole: false, connected: true, node: "n1" }]));
  assert.deepEqual(relayed(), [false, false]);
});

test("reducer: a machine of a brief stream has bare values and one time", () => {
  const known = newKnowledge();
  apply(known, snapshot(3, [{ name: "T1", seq: 3, whole: true, connected: true, node: "n1", seen: time,
    values: { mode: "working", position: { latitude_deg: 51, longitude_deg: 10 } }, active_faults: 2 }]));
  const machine = known.machines.get("T1");
  assert.equal(machine?.values["mode"]?.value, "working");
  assert.deepEqual(machine?.values["position"]?.value, { latitude_deg: 51, longitude_deg: 10 });
  assert.deepEqual([machine?.seen, machine?.activeFaults], [time, 2]);
  apply(known, delta(3, 4, [{ name: "T1", seq: 4, seen: "2026-05-01T06:30:01.000000Z", values: { mode: null } }]));
  assert.deepEqual([machine?.seen, machine?.activeFaults], ["2026-05-01T06:30:01.000000Z", 2]);
  assert.equal(machine?.values["mode"]?.value, null);
});

test("reducer: faults appear, are counted and are cleared", () => {
  const known = newKnowledge();
  apply(known, snapshot(3, [whole("T1", 1, { faults: [] })]));
  apply(known, delta(3, 4, [{ name: "T1", seq: 4, faults: [fault(110, "appeared"), fault(84, "appeared")] }]));
  apply(known, delta(4, 5, [{ name: "T1", seq: 5, faults: [fault(110, "counted"), fault(84, "cleared")] }]));
  const faults = known.machines.get("T1")?.faults;
  assert.deepEqual([...(faults?.values() ?? [])].map((one) => one.spn), [110]);
});
