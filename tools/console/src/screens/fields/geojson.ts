/// Reads the fields of a GeoJSON file: Polygon, MultiPolygon, Feature or FeatureCollection. Pure.
///
/// Errors: one text that names the line, or the path of the member, and the reason.
/// Limits: positions_max of a field, as the node takes them; the node checks the rest (rings that cross).
import { jsonFault } from "./json_place";

export type Position = [longitude: number, latitude: number];
export interface Polygon {
  type: "Polygon";
  coordinates: Position[][];
}
export interface NewField {
  name: string; // empty: the file has none
  boundary: Polygon;
  crop: string;
  soil: string;
  season: string;
}
export type ReadFields = { fields: NewField[]; fault: null } | { fields: null; fault: string };

const positions_max = 10_000;

class Fault extends Error {}
type Members = Record<string, unknown>;
const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function position(value: unknown, path: string): Position {
  if (!Array.isArray(value) || typeof value[0] !== "number" || typeof value[1] !== "number")
    throw new Fault(`${path}: a position is [longitude, latitude]`);
  const [longitude, latitude] = [value[0], value[1]];
  if (Math.abs(longitude) > 180)
    throw new Fault(`${path}: the longitude ${longitude} is not within -180 to 180 degrees (WGS 84)`);
  if (Math.abs(latitude) > 90)
    throw new Fault(`${path}: the latitude ${latitude} is not within -90 to 90. GeoJSON has the longitude first`);
  return [longitude, latitude];
}

function ring(value: unknown, path: string): Position[] {
  if (!Array.isArray(value))
    throw new Fault(`${path}: a ring is a list of positions`);
  const made = value.map((one, i) => position(one, `${path}[${i}]`));
  const [first, last] = [made[0], made.at(-1)];
  if (made.length < 4)
    throw new Fault(`${path}: a ring has at least 4 positions, the last like the first; this one has ${made.length}`);
  if (first?.[0] !== last?.[0] || first?.[1] !== last?.[1])
    throw new Fault(`${path}: the last position must be the first one again`);
  return made;
}

function polygon(value: unknown, path: string): Polygon {
  if (!Array.isArray(value) || value.length === 0)
    throw new Fault(`${path}: a polygon is a list of rings`);
  const coordinates = value.map((one, i) => ring(one, `${path}[${i}]`));
  const count = coordinates.reduce((sum, one) => sum + one.length, 0);
  if (count > positions_max)
    throw new Fault(`${path}: ${count} positions; a field has at most ${positions_max}`);
  return { type: "Polygon", coordinates };
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value.trim() : typeof value === "number" ? String(value) : "";

function read(value: unknown, path: string, properties: Members, into: NewField[]): void {
  if (!isObject(value))
    throw new Fault(`${path || "the file"}: not a GeoJSON object`);
  const at = (member: string) => path === "" ? member : `${path}.${member}`;
  const add = (boundary: Polygon, suffix: string) => {
    const name = textOf(properties["name"] ?? properties["Name"]);
    into.push({ boundary, name: name === "" ? "" : name + suffix, crop: textOf(properties["crop"]),
      soil: textOf(properties["soil"]), season: textOf(properties["season"]) });
  };
  switch (value["type"]) {
    case "Polygon":
      add(polygon(value["coordinates"], at("coordinates")), "");
      break;
    case "MultiPolygon": {
      const parts = value["coordinates"];
      if (!Array.isArray(parts) || parts.length === 0)
        throw new Fault(`${at("coordinates")}: a MultiPolygon is a list of polygons`);
      parts.forEach((one, i) => add(polygon(one, `${at("coordinates")}[${i}]`), parts.length > 1 ? ` ${i + 1}` : ""));
      break;
    }
    case "Feature":
      read(value["geometry"], at("geometry"), isObject(value["properties"]) ? value["properties"] : {}, into);
      break;
    case "FeatureCollection": {
      const features = value["features"];
      if (!Array.isArray(features))
        throw new Fault(`${at("features")}: a FeatureCollection has a list of features`);
      features.forEach((one, i) => read(one, `${at("features")}[${i}]`, {}, into));
      break;
    }
    default:
      throw new Fault(`${at("type")}: ${JSON.stringify(value["type"]) ?? "missing"}; `
        + "a field is a Polygon, MultiPolygon, Feature or FeatureCollection");
  }
}

export function readGeoJson(text: string): ReadFields {
  const broken = jsonFault(text.replace(/^\uFEFF/, ""));
  if (broken)
    return { fields: null, fault: `line ${broken.line}, column ${broken.column}: ${broken.reason}` };
  const fields: NewField[] = [];
  try {
    read(JSON.parse(text.replace(/^\uFEFF/, "")), "", {}, fields);
  } catch (error) {
    if (error instanceof Fault)
      return { fields: null, fault: error.message };
    throw error;
  }
  return fields.length > 0 ? { fields, fault: null } : { fields: null, fault: "the file has no field" };
}

const radius_m = 6_371_008.8;
const radians = Math.PI / 180;
/// On a sphere, for a preview; the node computes the area on the ellipsoid.
export function areaM2(boundary: Polygon): number {
  return boundary.coordinates.reduce((sum, one, i) => sum + (i === 0 ? 1 : -1) * Math.abs(ringArea(one)), 0);
}
function ringArea(ring_: readonly Position[]): number {
  let sum = 0;
  for (let i = 0; i + 1 < ring_.length; ++i) {
    const [a, b] = [ring_[i], ring_[i + 1]];
    if (a && b)
      sum += (b[0] - a[0]) * radians * (2 + Math.sin(a[1] * radians) + Math.sin(b[1] * radians));
  }
  return (sum * radius_m * radius_m) / 2;
}

/// Whether a position is inside the outer ring and in no hole.
export function contains(boundary: Polygon, longitude: number, latitude: number): boolean {
  let inside = false;
  for (const one of boundary.coordinates)
    for (let i = 0, j = one.length - 1; i < one.length; j = i++) {
      const [a, b] = [one[i], one[j]];
      if (a && b && a[1] > latitude !== b[1] > latitude
        && longitude < ((b[0] - a[0]) * (latitude - a[1])) / (b[1] - a[1]) + a[0])
        inside = !inside;
    }
  return inside;
}
