import assert from "node:assert/strict";
import { test } from "node:test";
import { keptFarms } from "./farm_choice";

test("farm choice: broken storage is an empty list", () => {
  assert.deepEqual(keptFarms(null), []);
  assert.deepEqual(keptFarms("{"), []);
  assert.deepEqual(keptFarms('{"a":1}'), []);
  assert.deepEqual(keptFarms('["north",1,"south"]'), ["north", "south"]);
});
