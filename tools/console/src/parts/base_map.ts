/// What the node has for the ground under the maps. Asked once; the part that draws it comes only where there is some.
import type { Map as LeafletMap } from "leaflet";
import { get } from "../api/client";

const ask = () => get("/api/v1/map", { farm: "" });
export type BaseMap = Awaited<ReturnType<typeof ask>>;

let asked: Promise<BaseMap | null> | null = null;

/// True: the map has tiles now.
export async function drawGround(map: LeafletMap, here: () => boolean): Promise<boolean> {
  asked ??= ask().catch(() => {
    asked = null; // the next map asks again
    return null;
  });
  const found = await asked;
  if (!found || found.tiles === null)
    return false;
  const { addTiles } = await import("./tiles");
  if (!here())
    return false;
  addTiles(map, { ...found, tiles: found.tiles });
  return true;
}
