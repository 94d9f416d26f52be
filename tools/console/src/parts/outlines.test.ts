import assert from "node:assert/strict";
import { test } from "node:test";
import { outlines } from "./outlines";

test("outlines: are lines on the Earth", () => {
  const lines = outlines();
  assert.ok(lines.length > 100);
  for (const [latitude, longitude] of lines.flat())
    assert.ok(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180);
});
