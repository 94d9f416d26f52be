/// The ground under a map: tiles of the node's map file, or of a server that the node names.
import { Control, type Map as LeafletMap } from "leaflet";
import { TileLayer } from "leaflet/src/layer/tile/TileLayer.js";
import type { BaseMap } from "./base_map";

/// A file may have HTML there; only its words are shown.
const wordsOf = (html: string): string =>
  new DOMParser().parseFromString(html, "text/html").body.textContent?.trim() ?? "";

const escaped = (text: string): string => {
  const box = document.createElement("span");
  box.textContent = text;
  return box.innerHTML;
};

export function addTiles(map: LeafletMap, of: BaseMap & { tiles: string }): void {
  const { bounds } = of;
  new TileLayer(of.tiles, {
    minNativeZoom: of.zoom_min, maxNativeZoom: of.zoom_max, minZoom: 0, maxZoom: 24,
    attribution: escaped(wordsOf(of.attribution)),
    ...(bounds?.length === 4 && { bounds: [[bounds[1]!, bounds[0]!], [bounds[3]!, bounds[2]!]] }),
  }).addTo(map);
  new Control.Attribution({ prefix: false }).addTo(map);
}
