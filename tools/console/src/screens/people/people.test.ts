import assert from "node:assert/strict";
import { test } from "node:test";
import { changesOf } from "./audit_changes";
import { endOfDay, farmMembers, farmOf, farmsText, fullName, machinesText } from "./reach";

const anna = { name: "anna", belongs_to: "farm" as const, farms: ["north"], equipment: ["T1", "T2"] };
const root = { name: "admin", belongs_to: "node" as const, farms: ["*"], equipment: [] };

test("reach: says which farms and machines", () => {
  assert.equal(farmsText(root.farms), "every farm");
  assert.equal(farmsText(["north", "south"]), "north, south");
  assert.equal(machinesText(anna.equipment), "T1, T2");
  assert.equal(machinesText([]), "every machine");
});

test("reach: a user of the node is found without a farm of its own", () => {
  assert.deepEqual([farmOf(anna), farmOf(root)], ["north", "*"]);
  assert.deepEqual([fullName(anna), fullName(root)], ["north/anna", "admin"]);
});

test("reach: one farm, several farms and every farm are different members", () => {
  assert.deepEqual(farmMembers([]), {});
  assert.deepEqual(farmMembers(["north"]), { farm: "north" });
  assert.deepEqual(farmMembers(["north", "south"]), { farms: ["north", "south"] });
  assert.deepEqual(farmMembers(["north", "*"]), { farm: "*" });
});

test("reach: a day ends in the time of the browser", () => {
  assert.equal(endOfDay("nonsense"), null);
  assert.equal(new Date(endOfDay("2027-12-31") ?? "").getTime(), new Date("2027-12-31T23:59:59").getTime());
});

test("audit: shows only what differs", () => {
  assert.deepEqual(changesOf({ role: "viewer", farm: "north" }, { role: "admin", farm: "north" }),
    [{ name: "role", before: "viewer", after: "admin" }]);
  assert.deepEqual(changesOf(null, { role: "viewer" }), [{ name: "role", before: null, after: "viewer" }]);
  assert.deepEqual(changesOf({ equipment: ["T1"] }, {}), [{ name: "equipment", before: "T1", after: null }]);
  assert.deepEqual(changesOf(null, null), []);
});

test("audit: shows times as times", () => {
  assert.deepEqual(changesOf(null, { expires_us: 1796083200000000 }),
    [{ name: "expires", before: null, after: "2026-12-01 00:00:00 UTC" }]);
});
