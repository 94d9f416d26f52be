import assert from "node:assert/strict";
import { test } from "node:test";
import { type Column, fitting, sorted } from "./data_table";

const columns: Column<{ name: string; rpm: number | null }>[] = [
  { id: "name", title: "Machine", cell: (one) => one.name, sort: (one) => one.name },
  { id: "rpm", title: "Speed", cell: (one) => one.rpm, sort: (one) => one.rpm },
];
const rows = [{ name: "T10", rpm: 5 }, { name: "T2", rpm: null }, { name: "T1", rpm: 9 }];
const names = (order: string) => sorted(rows, columns, order).map((one) => one.name);

test("table: sorts names as people count", () => {
  assert.deepEqual(names("name"), ["T1", "T2", "T10"]);
  assert.deepEqual(names("-name"), ["T10", "T2", "T1"]);
});

test("table: absent values are last in either direction", () => {
  assert.deepEqual(names("rpm"), ["T10", "T1", "T2"]);
  assert.deepEqual(names("-rpm"), ["T1", "T10", "T2"]);
});

test("table: an unknown order keeps the rows as they are", () => {
  assert.deepEqual(names("nothing"), ["T10", "T2", "T1"]);
});

test("table: leaves out extra columns first, and never the first, a pinned or the sorted one", () => {
  const wide: Column<object>[] = ["name", "a", "b", "c", "do"].map((id) =>
    ({ id, title: id, cell: () => id, extra: id === "a", pinned: id === "do" }));
  const ids = (leave: number, order = "") => fitting(wide, leave, order).map((one) => one.id).join(" ");
  assert.equal(ids(0), "name a b c do");
  assert.equal(ids(1), "name b c do");
  assert.equal(ids(2), "name b do");
  assert.equal(ids(9), "name do");
  assert.equal(ids(9, "-b"), "name b do");
});
