import assert from "node:assert/strict";
import { test } from "node:test";
import type { Schema } from "../../api/types";
import { type DbcFile, bitsText, comparedWith, fitsWords, formulaText, idText, rowsOf } from "./content";

const signal = (name: string, more: Partial<Schema<"dbc_signal">> = {}): Schema<"dbc_signal"> => ({
  name, start: 0, length: 8, order: "intel", signed: false, float: false, scale: 1, offset: 0, min: null, max: null,
  unit: null, mux: null, choices: null, spn: null, comment: null, ...more,
});
const message = (name: string, ...signals: Schema<"dbc_signal">[]): Schema<"dbc_message"> =>
  ({ name, id: 0x18FEF100, extended: true, length: 8, pgn: 65265, senders: [], comment: null, signals });
const file = (id: number, active: boolean, name = "a.dbc", farm: string | null = "north"): DbcFile => ({
  id, name, active, farm, for: "farm north", version: null, loaded: "2026-05-01T06:30:00Z", sha256: "", equipment: null,
  encoding: "auto",
});

test("definitions: a row for each signal, and one for a message without signals", () => {
  const rows = rowsOf([message("CCVS", signal("speed", { unit: "km/h" }), signal("brake")), message("EMPTY")]);
  assert.deepEqual(rows.map((row) => row.signal?.name ?? null), ["speed", "brake", null]);
  assert.equal(new Set(rows.slice(0, 2).map((row) => row.key)).size, 2);
  assert.equal(fitsWords(rows[0]!, "ccvs KM/H"), true);
  assert.equal(fitsWords(rows[0]!, "65265"), true);
  assert.equal(fitsWords(rows[1]!, "speed"), false);
  assert.equal(fitsWords(rows[2]!, ""), true);
});

test("definitions: identifiers, bits and formulas as text", () => {
  assert.equal(idText({ id: 0xCF00400, extended: true }), "0CF00400");
  assert.equal(idText({ id: 0x2A, extended: false }), "02A");
  assert.equal(bitsText(signal("a", { start: 8, length: 16, order: "motorola", signed: true })),
    "bit 8, 16 bits, motorola, signed");
  assert.equal(formulaText(signal("a", { scale: 0.125, offset: -250, unit: "rpm" })), "0.125 × raw − 250 rpm");
  assert.equal(formulaText(signal("a", { scale: "inf", offset: 5 })), "inf × raw + 5");
  assert.equal(formulaText(signal("a")), "raw");
});

test("definitions: an older file is compared with the active one of its name for the same machines", () => {
  const all = [file(1, false), file(2, false), file(3, true), file(4, true, "b.dbc"), file(5, true, "a.dbc", null)];
  assert.equal(comparedWith(all[0]!, all)?.id, 3);
  assert.equal(comparedWith(all[2]!, all)?.id, 2, "the active one with the newest before it");
  assert.equal(comparedWith(all[3]!, all), null);
});
