import assert from "node:assert/strict";
import { test } from "node:test";
import { waitBefore } from "./socket";

test("socket: waits longer after each failed attempt, up to a limit, with jitter", () => {
  assert.equal(waitBefore(0, 0), 250);
  assert.equal(waitBefore(0, 1), 500);
  assert.equal(waitBefore(2, 1), 2000);
  assert.equal(waitBefore(50, 1), 15_000);
  assert.equal(waitBefore(50, 0), 7500);
});
