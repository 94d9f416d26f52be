import assert from "node:assert/strict";
import { test } from "node:test";
import { dump, kindText } from "./quarantine";

test("quarantine: bytes are shown with what is printable of them", () => {
  assert.equal(dump("48690a"), "0000  48 69 0a                                         Hi.");
  assert.equal(dump("00".repeat(17)).split("\n").length, 2);
  assert.equal(dump(""), "");
});

test("quarantine: names what an item is", () => {
  assert.equal(kindText(null), "frame");
  assert.equal(kindText("32765"), "line that is no record");
  assert.equal(kindText("yield"), "yield");
});
