import assert from "node:assert/strict";
import { test } from "node:test";
import { allPages } from "./paging";

test("paging: reads pages until there is no next one", async () => {
  const asked: Record<string, string>[] = [];
  const all = await allPages<number>(async (query) => {
    asked.push(query);
    return query.after === "2" ? { rows: [3], next: null } : { rows: [1, 2], next: "2" };
  });
  assert.deepEqual(all, { rows: [1, 2, 3], more: false });
  assert.deepEqual(asked, [{}, { after: "2" }]);
});

test("paging: passes an object of several parameters on", async () => {
  const asked: Record<string, string>[] = [];
  await allPages<number>(async (query) => {
    asked.push(query);
    return { rows: [1], next: asked.length === 1 ? { after: "a", after_farm: "" } : null };
  });
  assert.deepEqual(asked[1], { after: "a", after_farm: "" });
});

test("paging: stops at the limit and says that there are more", async () => {
  const all = await allPages<number>(async () => ({ rows: [1, 2], next: "x" }), 4);
  assert.deepEqual(all, { rows: [1, 2, 1, 2], more: true });
});
