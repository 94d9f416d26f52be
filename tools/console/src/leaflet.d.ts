// A part of Leaflet that only a part of the page needs: by its file, so that the first page goes without it.
declare module "leaflet/src/layer/tile/TileLayer.js" {
  export { TileLayer } from "leaflet";
}
