import assert from "node:assert/strict";
import { test } from "node:test";
import { forText, shellWord } from "./definitions";

test("definitions: a name is one word of the shell", () => {
  assert.equal(shellWord("T1"), "T1");
  assert.equal(shellWord("T 1; rm"), "'T 1; rm'");
  assert.equal(shellWord("it's"), "'it'\\''s'");
  assert.equal(forText("north", ""), "north");
  assert.equal(forText("north", "T 1"), "'north/T 1'");
});
