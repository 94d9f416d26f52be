import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, keyWords, number } from "./number";
import { age, duration, parseTime, utcTime } from "./time";

test("number: absent is not zero", () => {
  assert.equal(number(null), "–");
  assert.equal(number(undefined), "–");
  assert.equal(number(NaN), "–");
  assert.equal(number(0), "0");
});

test("number: shows about four digits", () => {
  assert.equal(number(1450.5), "1,451");
  assert.equal(number(123.456), "123.5");
  assert.equal(number(3.14159), "3.14");
  assert.equal(number(0.5), "0.5");
  assert.equal(number(7.1, 2), "7.10");
});

test("number: beyond 2^53 shows the digits that are certain, and says that it is rounded", () => {
  assert.equal(number(JSON.parse("18446744073709551613")), "≈ 1.84467440737096e+19");
  assert.equal(number(JSON.parse("-9223372036854775807")), "≈ -9.22337203685478e+18");
  assert.equal(number(Number.MAX_SAFE_INTEGER), "9007199254740991");
});

test("number: bytes, counts and words", () => {
  assert.equal(bytes(1536), "1.5 KiB");
  assert.equal(bytes(10), "10 B");
  assert.equal(count(1, "machine"), "1 machine");
  assert.equal(count(2, "machine"), "2 machines");
  assert.equal(keyWords("engine_speed_rpm"), "engine speed");
});

test("time: reads times with microseconds, and nothing else", () => {
  assert.equal(parseTime("2026-05-01T06:30:00.123456Z"), Date.UTC(2026, 4, 1, 6, 30, 0, 123));
  assert.equal(parseTime("infinity"), null);
  assert.equal(parseTime(null), null);
  assert.equal(utcTime(Date.UTC(2026, 4, 1, 6, 30)), "2026-05-01 06:30:00.000 UTC");
});

test("time: ages and durations", () => {
  assert.equal(duration(59_000), "59 s");
  assert.equal(duration(120_000), "2 min");
  assert.equal(age(0, 3000), "3 s ago");
  assert.equal(age(60_000, 0), "1 min ahead");
  assert.equal(age(null, 0), "–");
});
