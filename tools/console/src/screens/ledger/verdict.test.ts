import assert from "node:assert/strict";
import { test } from "node:test";
import { type LedgerRow, complaints, judge, onTheWay } from "./verdict";

const row = (equipment: string, more: Partial<LedgerRow> = {}): LedgerRow => ({
  equipment, stream_id: equipment, sent: 1_000_000, durable: 1_000_000, stored: 1_000_000, lost: 0, doubled: 0,
  farm: "default", quarantined: 0, dropped: 0, lost_at_gateway: 0, expired: 0, elsewhere: 0, ...more,
});

test("ledger: all that was sent is durable", () => {
  const said = judge([row("T1"), row("T2")]);
  assert.equal(said.kind, "complete");
  assert.match(said.text, /^All 2,000,000 items/);
});

test("ledger: what is on the way is no gap, and is named with its machine", () => {
  const said = judge([row("T1"), row("T2", { durable: 998_500 })]);
  assert.equal(said.kind, "waiting");
  assert.match(said.text, /1,500 of 2,000,000 sent items are not durable yet. T2: 1,500\./);
  assert.equal(onTheWay(row("T1", { durable: 1_000_001 })), 0);
});

test("ledger: says what is missing and where", () => {
  const said = judge([row("T1", { lost: 2 }), row("T2"), row("T3", { quarantined: 1, doubled: 4 })]);
  assert.equal(said.kind, "gap");
  assert.equal(said.text, "2 of 3 streams have a gap. T1: 2 lost; T3: 4 doubled, 1 in quarantine.");
  assert.equal(judge([1, 2, 3, 4, 5].map((n) => row(`T${n}`, { lost: 1 }))).text.endsWith("and 2 more."), true);
});

test("ledger: what retention deleted is no gap", () => {
  assert.deepEqual(complaints(row("T1", { expired: 5000, stored: 995_000 })), []);
});
