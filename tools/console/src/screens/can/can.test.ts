import assert from "node:assert/strict";
import { test } from "node:test";
import { readFilter } from "./filter";
import { candumpLine, changedBits, readFrame, type CanFrame } from "./frame";
import { frameName } from "./names";
import { Trace, byteChangedAt, freshness, rateOf, trail_max } from "./trace";

const line = { seq: 7, time: "2026-05-01T06:30:00.010203Z", bus: "can0", can_id: "18FEF100", extended: true,
  remote: false, error: false, kind: "classic", length: 8, pgn: 65265, payload: "FF5B0AFFFFFFFFFF" };
const frame = (patch: object = {}): CanFrame => {
  const made = readFrame({ ...line, ...patch });
  assert.ok(made);
  return made;
};

test("frame: has the source of a 29-bit identifier", () => {
  assert.equal(frame().source, 0);
  assert.equal(frame({ can_id: "123", extended: false, pgn: null }).source, null);
  assert.equal(readFrame({ time: "yesterday" }), null);
});

test("frame: has the name that the node sends, else that of the catalogue", () => {
  assert.equal(frameName(frame()), "CCVS1");
  assert.equal(frameName(frame({ name: "OWN_SPEED" })), "OWN_SPEED");
  assert.equal(frameName(frame({ pgn: 65300, name: null })), "");
  assert.ok(readFilter("own_speed")(frame({ name: "OWN_SPEED" })));
});

test("frame: tells the bits that changed", () => {
  assert.deepEqual(changedBits("FF00", "FE00"), [1, 0]);
  assert.deepEqual(changedBits("FF", "FF10"), [0, 0xff]);
  assert.deepEqual(changedBits("FF10", "FF"), [0]);
});

test("candump: writes classic, remote and FD frames", () => {
  assert.equal(candumpLine(frame()), "(1777617000.010203) can0 18FEF100#FF5B0AFFFFFFFFFF");
  assert.equal(candumpLine(frame({ remote: true, payload: "", length: 4 })), "(1777617000.010203) can0 18FEF100#R4");
  const fd = frame({ kind: "fd", fd_flags: 1, payload: "01" });
  assert.equal(candumpLine(fd), "(1777617000.010203) can0 18FEF100##101");
});

test("filter: fits all of its words", () => {
  assert.ok(readFilter("")(frame()));
  assert.ok(readFilter("pgn:65265 src:0x0 id:18fe bus:can0 ccvs")(frame()));
  assert.ok(readFilter("pgn:")(frame()));
  assert.ok(!readFilter("src:1")(frame()));
  assert.ok(!readFilter("pgn:65265 src:1")(frame()));
});

test("trace: keeps the newest lines and the changed bits", () => {
  const trace = new Trace();
  for (let i = 0; i < trail_max + 5; ++i)
    trace.take(frame({ seq: i, time: new Date(1e12 + i * 10).toISOString() }), 100);
  assert.equal(trace.newest().length, trail_max);
  assert.equal(trace.newest()[0]?.seq, trail_max + 4);
  trace.take(frame({ payload: "FF5B0BFFFFFFFFFF", time: new Date(1e12 + (trail_max + 5) * 10).toISOString() }), 200);
  const row = [...trace.rows.values()][0];
  assert.ok(row);
  assert.equal(byteChangedAt(row, 2), 200);
  assert.equal(byteChangedAt(row, 1), 0);
  assert.equal(row.bitsAt[2 * 8 + 7], 200);
  assert.equal(Math.round(rateOf(row) ?? 0), 100);
});

test("freshness: fades in three steps", () => {
  assert.equal(freshness(0, 10), "");
  assert.equal(freshness(1000, 1000), "fresh fresh-3");
  assert.equal(freshness(1000, 2900), "fresh fresh-1");
  assert.equal(freshness(1000, 3000), "");
});
