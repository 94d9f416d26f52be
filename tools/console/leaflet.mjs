// Leaflet by its parts. `leaflet` resolves to this file, so that the bundle has only the parts that the console uses:
// the library as one file would take a third of it. SVG, popups and overlays of pictures are left out.
import { Control } from "leaflet/src/control/Control.js";
import { Scale } from "leaflet/src/control/Control.Scale.js";
import { Attribution } from "leaflet/src/control/Control.Attribution.js";
import "leaflet/src/control/Control.Zoom.js";
import * as DomEvent from "leaflet/src/dom/DomEvent.js";
import * as DomUtil from "leaflet/src/dom/DomUtil.js";
import "leaflet/src/layer/vector/Renderer.getRenderer.js";
import "leaflet/src/map/handler/Map.BoxZoom.js";
import "leaflet/src/map/handler/Map.DoubleClickZoom.js";
import "leaflet/src/map/handler/Map.Drag.js";
import "leaflet/src/map/handler/Map.Keyboard.js";
import "leaflet/src/map/handler/Map.ScrollWheelZoom.js";
import "leaflet/src/map/handler/Map.TapHold.js";
import "leaflet/src/map/handler/Map.TouchZoom.js";

Control.Scale = Scale;
Control.Attribution = Attribution;

export { Control, DomEvent, DomUtil };
export { Layer } from "leaflet/src/layer/Layer.js";
export { LayerGroup } from "leaflet/src/layer/LayerGroup.js";
export { FeatureGroup } from "leaflet/src/layer/FeatureGroup.js";
export { GeoJSON } from "leaflet/src/layer/GeoJSON.js";
export { Tooltip } from "leaflet/src/layer/Tooltip.js";
export { Marker } from "leaflet/src/layer/marker/Marker.js";
export { DivIcon } from "leaflet/src/layer/marker/DivIcon.js";
export { Canvas } from "leaflet/src/layer/vector/Canvas.js";
export { Path } from "leaflet/src/layer/vector/Path.js";
export { Circle } from "leaflet/src/layer/vector/Circle.js";
export { CircleMarker } from "leaflet/src/layer/vector/CircleMarker.js";
export { Polyline } from "leaflet/src/layer/vector/Polyline.js";
export { Polygon } from "leaflet/src/layer/vector/Polygon.js";
export { Rectangle } from "leaflet/src/layer/vector/Rectangle.js";
export { Bounds } from "leaflet/src/geometry/Bounds.js";
export { Point } from "leaflet/src/geometry/Point.js";
export { LatLng } from "leaflet/src/geo/LatLng.js";
export { LatLngBounds } from "leaflet/src/geo/LatLngBounds.js";
export { Map } from "leaflet/src/map/Map.js";
