/// Draws or changes the outer ring of a boundary on a map: a click adds a point, vertices are dragged.
///
/// By keyboard: a vertex takes the focus; arrow keys move it by five pixels, Delete removes it.
import { DivIcon, type LatLng, LayerGroup, type LeafletMouseEvent, type Map as LeafletMap, Marker, Polygon as Shape,
  Polyline } from "leaflet";
import type { Position } from "./geojson";

export interface Drawn {
  points: readonly Position[];
  closed: boolean;
}

const step_pixels = 5;
const undo_max = 200;

export class DrawTool {
  readonly #map: LeafletMap;
  readonly #changed: (drawn: Drawn) => void;
  readonly #layers = new LayerGroup();
  readonly #color: string;
  #points: Position[] = [];
  #closed = false;
  #before: Drawn[] = [];

  constructor(map: LeafletMap, color: string, changed: (drawn: Drawn) => void, points: readonly Position[] = []) {
    this.#map = map;
    this.#color = color;
    this.#changed = changed;
    this.#points = [...points];
    this.#closed = points.length > 0;
    this.#layers.addTo(map);
    map.on("click", this.#click, this);
    map.doubleClickZoom.disable();
    map.getContainer().classList.add("drawing");
    this.#draw();
  }

  dispose(): void {
    this.#map.off("click", this.#click, this);
    this.#map.doubleClickZoom.enable();
    this.#map.getContainer().classList.remove("drawing");
    this.#layers.remove();
  }

  add({ lng, lat }: LatLng): void {
    if (this.#closed)
      return;
    this.#keep();
    this.#points.push([lng, lat]);
    this.#draw();
  }

  addCentre(): void { this.add(this.#map.getCenter()); }

  close(): void {
    if (this.#points.length < 3 || this.#closed)
      return;
    this.#keep();
    this.#closed = true;
    this.#draw();
  }

  undo(): void {
    const last = this.#before.pop();
    if (!last)
      return;
    this.#points = [...last.points];
    this.#closed = last.closed;
    this.#draw();
  }

  get canUndo(): boolean { return this.#before.length > 0; }

  #keep(): void {
    this.#before.push({ points: [...this.#points], closed: this.#closed });
    if (this.#before.length > undo_max)
      this.#before.shift();
  }

  #click(event: LeafletMouseEvent): void { this.add(event.latlng); }

  #remove(i: number): void {
    if (this.#closed && this.#points.length <= 3)
      return;
    this.#keep();
    this.#points.splice(i, 1);
    this.#draw();
  }

  #draw(focus = -1): void {
    this.#layers.clearLayers();
    const corners = this.#points.map(([lng, lat]): [number, number] => [lat, lng]);
    const style = { color: this.#color, weight: 3, interactive: false };
    const shape = this.#closed ? new Shape(corners, { ...style, fillOpacity: 0.15 })
      : new Polyline(corners, { ...style, dashArray: "6 6" });
    this.#layers.addLayer(shape);
    this.#points.forEach((_, i) => this.#layers.addLayer(this.#vertex(i, shape, focus === i)));
    this.#changed({ points: this.#points, closed: this.#closed });
  }

  #vertex(i: number, shape: Shape | Polyline, focus: boolean): Marker {
    const [lng, lat] = this.#points[i] ?? [0, 0];
    const marker = new Marker([lat, lng], {
      draggable: true, keyboard: true, title: `Point ${i + 1}`, alt: `Point ${i + 1}`,
      icon: new DivIcon({ className: i === 0 && !this.#closed ? "vertex vertex-first" : "vertex", iconSize: [40, 40] }),
    });
    marker.on("dragstart", () => this.#keep());
    marker.on("drag", () => {
      const at = marker.getLatLng();
      this.#points[i] = [at.lng, at.lat];
      shape.setLatLngs(this.#points.map(([x, y]): [number, number] => [y, x]));
    });
    marker.on("dragend", () => this.#draw());
    marker.on("click", () => {
      if (i === 0)
        this.close();
    });
    marker.on("keydown", (event) => this.#key(i, (event as unknown as { originalEvent: KeyboardEvent }).originalEvent));
    if (focus)
      queueMicrotask(() => marker.getElement()?.focus());
    return marker;
  }

  #key(i: number, event: KeyboardEvent): void {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    const point = this.#points[i];
    if (event.key === "Delete" || event.key === "Backspace")
      this.#remove(i);
    else if (point && (x !== 0 || y !== 0)) {
      this.#keep();
      const at = this.#map.latLngToContainerPoint([point[1], point[0]]);
      const { lng, lat } = this.#map.containerPointToLatLng(at.add([(x ?? 0) * step_pixels, (y ?? 0) * step_pixels]));
      this.#points[i] = [lng, lat];
      this.#draw(i);
    } else
      return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/// The ring of GeoJSON: the last position is the first one again, to a centimetre.
export function ringOf(points: readonly Position[]): Position[] {
  const rounded = points.map(([x, y]): Position => [Number(x.toFixed(7)), Number(y.toFixed(7))]);
  const first = rounded[0];
  return first ? [...rounded, first] : [];
}
