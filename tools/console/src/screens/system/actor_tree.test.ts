import assert from "node:assert/strict";
import { test } from "node:test";
import { unlinked } from "./actors";
import { type Actor, countsOf, isShared, keyOf, rateOf, visibleActors } from "./actor_tree";

const actor = (id: number, parent: number, name: string, handled = 0, node = "n1"): Actor => ({
  node, id, parent, name, handled, kind: "", state: "running", restarts: 0, detail: "", waiting: 0, oldest_ms: 0,
  busy_ms: 0,
});
const none = new Set<string>();
const names = (rows: { actor: Actor }[]) => rows.map((row) => row.actor.name);
const few = [actor(1, 0, "node n1"), actor(2, 1, "storage"), actor(3, 1, "fleet"), actor(4, 3, "equipment f/T10"),
  actor(5, 3, "equipment f/T2")];

test("actor tree: parents stand before their children, in natural order", () => {
  const rows = visibleActors(few, none, "");
  assert.deepEqual(names(rows), ["node n1", "fleet", "equipment f/T2", "equipment f/T10", "storage"]);
  assert.deepEqual(rows.map((row) => row.level), [1, 2, 3, 3, 2]);
  assert.deepEqual([rows[3]?.place, rows[3]?.siblings], [2, 2]);
});

test("actor tree: a closed actor hides what is below it", () => {
  assert.deepEqual(names(visibleActors(few, new Set(["n1/3"]), "")), ["node n1", "fleet", "storage"]);
});

test("actor tree: an actor with many children is closed until it is opened", () => {
  const many = [actor(1, 0, "fleet"),
    ...Array.from({ length: 10_000 }, (_, i) => actor(i + 2, 1, `equipment f/T${i}`))];
  assert.equal(visibleActors(many, none, "").length, 1);
  assert.equal(visibleActors(many, new Set(["n1/1"]), "").length, 10_001);
});

test("actor tree: a search shows what it finds below its parents", () => {
  assert.deepEqual(names(visibleActors(few, new Set(["n1/3"]), "t10")), ["node n1", "fleet", "equipment f/T10"]);
});

test("actor tree: an actor with an unknown parent is a root, and a circle ends", () => {
  assert.deepEqual(names(visibleActors([actor(7, 6, "equipment f/T1")], none, "")), ["equipment f/T1"]);
  assert.equal(visibleActors([actor(1, 2, "a"), actor(2, 1, "b")], none, "").length, 0);
});

test("actor tree: the same id at two nodes is two actors", () => {
  const both = [actor(1, 0, "a", 0, "n1"), actor(1, 0, "b", 0, "n2"), actor(2, 1, "c", 0, "n2")];
  const rows = visibleActors(both, none, "");
  assert.deepEqual(rows.map((row) => row.key), ["n1/1", "n2/1", "n2/2"]);
});

test("actor tree: a rate is unknown at first and after a restart", () => {
  const before = countsOf([actor(1, 0, "a", 100), actor(2, 0, "b", 100)], 1000);
  assert.equal(rateOf(actor(1, 0, "a", 150), before, 3000), 25);
  assert.equal(rateOf(actor(2, 0, "b", 5), before, 3000), null);
  assert.equal(rateOf(actor(3, 0, "c", 5), before, 3000), null);
  assert.equal(rateOf(actor(1, 0, "a", 150), null, 3000), null);
});

test("actor tree: only the actors of machines belong to a farm", () => {
  assert.equal(isShared(actor(1, 0, "equipment north/T1")), false);
  assert.equal(isShared(actor(1, 0, "writer-0")), true);
  assert.equal(keyOf(actor(1, 0, "a")), "n1/1");
});

test("actors: names the nodes without a link, and not those that were too slow", () => {
  assert.deepEqual(unlinked(["n1", "n2", "n3"], [actor(1, 0, "node n1")], ["n3"]), ["n2"]);
});
