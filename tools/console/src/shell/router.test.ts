import assert from "node:assert/strict";
import { test } from "node:test";
import { patched, readRoute, writeRoute } from "./router";

test("router: reads screen, name and query", () => {
  const read = readRoute("#/machine/T%2F1?tab=faults&farm=north");
  assert.equal(read.screen, "machine");
  assert.equal(read.name, "T/1");
  assert.equal(read.query.get("tab"), "faults");
  assert.equal(readRoute("").screen, "fleet");
  assert.equal(readRoute("#/nothing").screen, null);
  assert.equal(readRoute("#/machine/%").name, "%", "a broken name is no error");
});

test("router: writes what it reads", () => {
  const text = "#/machine/T%2F1?tab=faults";
  const read = readRoute(text);
  assert.equal(writeRoute("machine", read.name, read.query), text);
});

test("router: a patch of the query sets and removes keys", () => {
  const query = new URLSearchParams("a=1&b=2&c=3");
  assert.equal(patched(query, { a: null, b: 5, c: "", d: true }).toString(), "b=5&d=true");
});
