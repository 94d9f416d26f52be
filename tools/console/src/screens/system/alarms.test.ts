import assert from "node:assert/strict";
import { test } from "node:test";
import { merged } from "./alarms";

test("alarms: an alarm of the report and of /health is shown once", () => {
  const report = [{ name: "pool", text: "9 of 10 connections are in use", value: 9, limit: 8, unit: "" }];
  const rows = merged(["9 of 10 connections are in use", "the disk is full"], report);
  assert.deepEqual(rows.map((one) => one.text), ["9 of 10 connections are in use", "the disk is full"]);
  assert.equal(rows[0]?.value, 9);
  assert.equal(rows[1]?.value, null);
});
