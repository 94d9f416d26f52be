import assert from "node:assert/strict";
import { test } from "node:test";
import { visibleRows } from "./window";

test("window: draws the visible rows and a few more", () => {
  assert.deepEqual(visibleRows(0, 400, 40, 10_000), { first: 0, end: 18 });
  assert.deepEqual(visibleRows(4000, 400, 40, 10_000), { first: 92, end: 118 });
  assert.deepEqual(visibleRows(999_999, 400, 40, 10), { first: 10, end: 10 });
  assert.deepEqual(visibleRows(0, 400, 40, 3), { first: 0, end: 3 });
});
