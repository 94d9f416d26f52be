import assert from "node:assert/strict";
import { test } from "node:test";
import { CoverageGrid } from "./coverage";
import { type Polygon, areaM2, contains, readGeoJson } from "./geojson";
import { jsonFault } from "./json_place";

const square: Polygon = { type: "Polygon",
  coordinates: [[[10, 50], [10.002, 50], [10.002, 50.001], [10, 50.001], [10, 50]]] };
const fault = (value: unknown) => readGeoJson(typeof value === "string" ? value : JSON.stringify(value)).fault;

test("json: a fault has its line and column", () => {
  assert.equal(jsonFault('{"a": [1, 2.5e3, null, "x\\n"]}'), null);
  assert.deepEqual(jsonFault('{\n  "a": x\n}'), { line: 2, column: 8, reason: "not a JSON value" });
  assert.deepEqual(jsonFault('{"a": [1, 2'), { line: 1, column: 12, reason: 'the file ends before "]"' });
  assert.equal(jsonFault('{"a" 1}')?.reason, "a colon is missing");
  assert.equal(jsonFault("{} x")?.reason, "text after the end of the JSON value");
});

test("geojson: reads polygons, parts and collections", () => {
  const feature = { type: "Feature", properties: { name: "Up", crop: "wheat" }, geometry: square };
  const read = readGeoJson(JSON.stringify({ type: "FeatureCollection", features: [feature,
    { type: "Feature", properties: { name: "Two" }, geometry: { type: "MultiPolygon",
      coordinates: [square.coordinates, square.coordinates] } }] }));
  assert.deepEqual(read.fields?.map((one) => one.name), ["Up", "Two 1", "Two 2"]);
  assert.equal(read.fields?.[0]?.crop, "wheat");
  assert.equal(readGeoJson("\uFEFF" + JSON.stringify(square)).fields?.[0]?.name, "");
});

test("geojson: a fault has its path and reason", () => {
  assert.equal(fault("{"), "line 1, column 2: not a member's name in quotes");
  assert.match(fault({ type: "Point", coordinates: [1, 2] }) ?? "", /^type: "Point"; a field is a Polygon/);
  assert.match(fault({ type: "Polygon", coordinates: [[[10, 50], [11, 50], [10, 50]]] }) ?? "",
    /^coordinates\[0\]: a ring has at least 4 positions.*has 3$/);
  assert.match(fault({ type: "Polygon", coordinates: [[[10, 50], [11, 50], [11, 51], [10, 51]]] }) ?? "",
    /the last position must be the first one again/);
  assert.match(fault({ type: "FeatureCollection", features: [{ type: "Feature", geometry: { type: "Polygon",
    coordinates: [[[10, 150], [1, 1], [2, 2], [10, 150]]] } }] }) ?? "",
  /^features\[0\]\.geometry\.coordinates\[0\]\[0\]: the latitude 150 .* longitude first$/);
  assert.equal(fault({ type: "FeatureCollection", features: [] }), "the file has no field");
});

test("field: area and inside", () => {
  assert.ok(Math.abs(areaM2(square) - 15_894) < 100);
  assert.ok(contains(square, 10.001, 50.0005));
  assert.ok(!contains(square, 10.003, 50.0005));
  const holed: Polygon = { type: "Polygon", coordinates: [...square.coordinates,
    [[10.0009, 50.0004], [10.0011, 50.0004], [10.0011, 50.0006], [10.0009, 50.0006], [10.0009, 50.0004]]] };
  assert.ok(!contains(holed, 10.001, 50.0005));
});

test("coverage: one pass and its overlap", () => {
  const grid = new CoverageGrid(square, [10, 50, 10.002, 50.001], 1);
  const at = (second: number, longitude: number) => ({ at: second * 1000, latitude: 50.0005, longitude });
  for (let i = 0; i < 20; ++i)
    grid.sweep(at(i, 10 + i * 1e-4), at(i + 1, 10 + (i + 1) * 1e-4), 6);
  const { workedM2, overlapM2, fieldM2 } = grid.result;
  assert.ok(Math.abs(fieldM2 - 15_894) < 500);
  assert.ok(Math.abs(workedM2 - 143 * 6) < 60, String(workedM2)); // 143 m long, 6 m wide
  assert.equal(overlapM2, 0);
  grid.sweep(at(200, 10), at(201, 10.001), 6);
  assert.ok(Math.abs(grid.result.overlapM2 - 71.5 * 6) < 60);
  assert.equal(grid.result.workedM2, workedM2);
  grid.sweep(at(300, 10), at(400, 10.002), 600); // a gap of positions is no work
  assert.equal(grid.result.workedM2, workedM2);
});
