/// A field of the API, with the types that the OpenAPI document leaves open.
import { get } from "../../api/client";
import { type AllRows, allPages } from "../../api/paging";
import type { Schema } from "../../api/types";
import type { Polygon } from "./geojson";

export interface Field extends Omit<Schema<"field">, "boundary" | "box_deg" | "attributes"> {
  boundary: Polygon;
  box_deg: [west: number, south: number, east: number, north: number];
  attributes: Record<string, unknown>;
}

const fields_max = 5000;

export const listFields = (signal: AbortSignal): Promise<AllRows<Field>> =>
  allPages(async (query) => {
    const page = await get("/api/v1/fields", { query: { ...query }, signal });
    return { rows: page.rows as unknown as Field[], next: page.next };
  }, fields_max);

/// As the routes that write take it: `Request` of the client wants the type of the document.
export const body = (value: object): never => value as never;
