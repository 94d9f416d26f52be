import assert from "node:assert/strict";
import { test } from "node:test";
import { levelForAll, levelsText } from "./log_levels";

test("log levels: names only the modules that differ", () => {
  assert.equal(levelsText("info", [{ module: "node", level: "info" }, { module: "gateway", level: "debug" }]),
    "info,gateway=debug");
});

test("log levels: finds the level for all", () => {
  assert.equal(levelForAll("warn,gateway=debug"), "warn");
  assert.equal(levelForAll("gateway=debug"), "info");
});
