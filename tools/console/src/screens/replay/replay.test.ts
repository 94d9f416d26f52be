import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketLines } from "./lines";
import type { SeriesValue, TelemetryColumns } from "../../api/series";
import { Track, placeAt, stopsOf, totalsOf } from "./track";

const start = Date.parse("2026-05-01T06:00:00Z");
type Row = { at: number } & Record<string, SeriesValue>;
const row = (second: number, patch: Record<string, SeriesValue> = {}): Row => ({
  at: start + second * 1000, mode: "moving", speed_kmh: 10, engine_speed_rpm: 1500, fuel_rate_lph: null,
  latitude_deg: 50 + second * 1e-5, longitude_deg: 10, course_deg: 0, ...patch,
});
const pageOf = (rows: Row[], everyMs = 0): TelemetryColumns => ({
  everyMs, times: rows.map((one) => one.at),
  columns: Object.fromEntries(Object.keys(rows[0] ?? {}).filter((key) => key !== "at")
    .map((key) => [key, rows.map((one) => one[key] ?? null)])),
});
const trackOf = (rows: Row[]): Track => {
  const track = new Track("T1");
  track.add(pageOf(rows));
  return track;
};

test("replay: a machine is between two rows", () => {
  const track = trackOf([row(0), row(10), row(300)]);
  assert.equal(placeAt(track, start - 1), null);
  assert.ok(Math.abs((placeAt(track, start + 5000)?.latitude ?? 0) - 50.00005) < 1e-9);
  const gap = placeAt(track, start + 200_000); // nothing is invented in a gap
  assert.equal(gap?.latitude, 50.0001);
  assert.equal(gap?.old, true);
  assert.equal(placeAt(track, start + 10_500)?.old, false);
});

test("replay: a row without a position keeps the last place", () => {
  const track = trackOf([row(0), row(1, { latitude_deg: null, longitude_deg: null }), row(2)]);
  assert.equal(placeAt(track, start + 1500)?.latitude, 50);
});

test("replay: stops are longer than two minutes and end at a gap", () => {
  const rows: Row[] = [];
  for (let s = 0; s < 900; ++s)
    rows.push(row(s, { speed_kmh: (s >= 100 && s < 300) || (s >= 400 && s < 460) ? 0 : 10 }));
  const stops = stopsOf(trackOf(rows));
  assert.equal(stops.length, 1);
  assert.equal(stops[0]?.from, start + 100_000);
  assert.equal(stops[0]?.to, start + 299_000);
  assert.equal(stopsOf(trackOf([row(0, { speed_kmh: 0 }), row(3600, { speed_kmh: 0 })])).length, 0);
  assert.equal(stopsOf(trackOf([row(0, { speed_kmh: null }), row(50, { speed_kmh: null }),
    row(100, { speed_kmh: null }), row(150, { speed_kmh: null })])).length, 0);
});

test("replay: totals count distance, times and fuel, but no gap", () => {
  const rows = [0, 1, 2, 3].map((s) => row(s, { fuel_rate_lph: 36, mode: s < 2 ? "working" : "idle" }));
  rows.push(row(4000, { latitude_deg: 51, fuel_rate_lph: 36 }));
  const totals = totalsOf(trackOf(rows));
  assert.deepEqual(totals.ms, { unknown: 0, off: 0, idle: 1000, moving: 0, working: 2000 });
  assert.ok(Math.abs((totals.distanceM ?? 0) - 3.336) < 0.01);
  assert.ok(Math.abs((totals.fuelL ?? 0) - 0.03) < 1e-6);
  assert.equal(totalsOf(trackOf([row(0, { latitude_deg: null, longitude_deg: null })])).distanceM, null);
});

test("replay: where rows are left out, the time between two of them is no gap", () => {
  const track = new Track("T1");
  track.add(pageOf([row(0), row(100), row(200, { mode: "working" })], 100_000));
  assert.equal(placeAt(track, start + 50_000)?.old, false);
  assert.equal(totalsOf(track).ms.moving, 200_000);
  assert.equal(trackOf([row(0), row(100)]).gapMs, 60_000);
});

test("replay: every row of the hour at the cursor is used in place of the thinned ones", () => {
  const track = new Track("T1");
  track.add(pageOf([row(0), row(100)], 100_000));
  const detail = trackOf([row(0), row(10, { latitude_deg: 60 }), row(20)]);
  Object.assign(track, { detail, detailFrom: start, detailTo: start + 20_000 });
  assert.equal(placeAt(track, start + 10_000)?.latitude, 60);
  assert.ok((placeAt(track, start + 20_000)?.latitude ?? 99) < 51);
});

test("replay: a column that comes later belongs to its rows", () => {
  const track = trackOf([row(0), row(1), row(2)]);
  assert.equal(track.asked("battery_v"), false);
  track.addValues({ everyMs: 0, times: [start + 1000, start + 1500, start + 2000], columns: { battery_v: [13, 14, 15] } });
  assert.deepEqual([0, 1, 2].map((i) => track.value("battery_v", i)), [NaN, 13, 15]);
  assert.equal(track.asked("battery_v"), true);
});

test("replay: a chart has the extremes of each bucket, and gaps only where data is missing", () => {
  const rows = [0, 1, 2, 3, 10, 200].map((s) => row(s, { engine_speed_rpm: 1000 + s }));
  const { times, of } = bucketLines([trackOf(rows)], "engine_speed_rpm", start, start + 240_000, 120);
  assert.equal(times.length, 240);
  const line = of[0] ?? [];
  assert.deepEqual(line.slice(0, 4), [1000, 1001, 1002, 1003]);
  assert.deepEqual(line.slice(4, 6), [undefined, undefined]);
  assert.deepEqual(line.slice(10, 12), [1010, 1010]);
  assert.deepEqual(line.slice(12, 14), [null, null]);
  assert.deepEqual(line.slice(200, 202), [1200, 1200]);
});
