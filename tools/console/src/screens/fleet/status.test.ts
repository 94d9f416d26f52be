import assert from "node:assert/strict";
import { test } from "node:test";
import { hasStatus, readStatus, statusCounts, unseenMachine, withUnseen } from "./status";
import type { Machine } from "../../live/reducer";

const time = "2026-05-01T06:30:00.000000Z";
const now = Date.parse(time) + 5000;
const machine = (name: string, mode: string, more: Partial<Machine> = {}): Machine => ({
  ...unseenMachine(name), connected: true,
  values: { mode: { value: mode, time, unit: null, pgn: null, source: null, bus: null } }, ...more,
});

test("fleet status: a machine that has not sent for a minute is silent, whatever its last mode", () => {
  const one = machine("T1", "working");
  assert.equal(hasStatus(one, "working", now), true);
  assert.equal(hasStatus(one, "working", now + 60_000), false);
  assert.equal(hasStatus(one, "silent", now + 60_000), true);
});

test("fleet status: counts each status", () => {
  const counts = statusCounts([machine("T1", "working"), machine("T2", "idle", { connected: false })], now);
  assert.deepEqual(counts, { connected: 1, working: 1, moving: 0, idle: 1, off: 0, silent: 0, faults: 0 });
});

test("fleet status: a machine on record that no node shows is silent", () => {
  const all = withUnseen(new Map([["T1", machine("T1", "idle")]]), ["T1", "T2"]);
  assert.deepEqual(all.map((one) => one.name), ["T1", "T2"]);
  assert.equal(hasStatus(all[1]!, "silent", now), true);
});

test("fleet status: a machine of a site that no node shows is silent, as of when it was last heard", () => {
  const ofSites = new Map([["T1", time], ["T2", time], ["T3", null]]);
  const all = withUnseen(new Map([["T1", machine("T1", "idle")]]), ["T1", "T2", "T3", "T4"], ofSites);
  assert.deepEqual(all.map((one) => [one.name, one.relayed, one.seen]),
    [["T1", false, null], ["T2", true, time], ["T3", true, null], ["T4", false, null]]);
  assert.deepEqual(all.map((one) => hasStatus(one, "silent", now + 60_000)), [true, true, true, true]);
});

test("fleet status: an unknown filter is none", () => {
  assert.equal(readStatus("working"), "working");
  assert.equal(readStatus("nothing"), null);
});
