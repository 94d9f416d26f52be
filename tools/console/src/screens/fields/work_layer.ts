/// What was worked in a field: the cells of its coverage, and yield samples as coloured dots. One canvas.
import { DomUtil, Layer, type Map as LeafletMap, Point } from "leaflet";
import type { Coverage } from "./coverage";

export interface ValueDot {
  latitude: number;
  longitude: number;
  color: string;
}

export class WorkLayer extends Layer {
  #canvas: HTMLCanvasElement | null = null;
  #image: HTMLCanvasElement | null = null;
  #coverage: Coverage | null = null;
  #dots: readonly ValueDot[] = [];

  setWork(coverage: Coverage | null, dots: readonly ValueDot[], color: string): void {
    this.#coverage = coverage;
    this.#dots = dots;
    this.#image = coverage ? picture(coverage, color) : null;
    this.#draw();
  }

  override onAdd(map: LeafletMap): this {
    this.#canvas = DomUtil.create("canvas", "leaflet-zoom-hide", map.getPane("overlayPane"));
    this.#canvas.style.pointerEvents = "none";
    map.on("moveend zoomend resize viewreset", this.#draw, this);
    this.#draw();
    return this;
  }

  override onRemove(map: LeafletMap): this {
    map.off("moveend zoomend resize viewreset", this.#draw, this);
    this.#canvas?.remove();
    this.#canvas = null;
    return this;
  }

  #draw(): void {
    const map = this._map as LeafletMap | null;
    const canvas = this.#canvas;
    const context = canvas?.getContext("2d");
    if (!map || !canvas || !context)
      return;
    const size = map.getSize();
    const scale = devicePixelRatio || 1;
    DomUtil.setPosition(canvas, map.containerPointToLayerPoint(new Point(0, 0)));
    canvas.width = size.x * scale;
    canvas.height = size.y * scale;
    canvas.style.width = `${size.x}px`;
    canvas.style.height = `${size.y}px`;
    context.scale(scale, scale);
    const grid = this.#coverage;
    if (grid && this.#image) {
      const { x: left, y: bottom } = map.latLngToContainerPoint([grid.south, grid.west]);
      const { x: right, y: top } = map.latLngToContainerPoint(
        [grid.south + grid.rows * grid.degreesY, grid.west + grid.columns * grid.degreesX]);
      context.imageSmoothingEnabled = false;
      context.globalAlpha = 0.5;
      context.drawImage(this.#image, left, top, right - left, bottom - top);
      context.globalAlpha = 1;
    }
    for (const dot of this.#dots) {
      const { x, y } = map.latLngToContainerPoint([dot.latitude, dot.longitude]);
      if (x < 0 || y < 0 || x > size.x || y > size.y)
        continue;
      context.fillStyle = dot.color;
      context.beginPath();
      context.arc(x, y, 4, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

/// A pixel a cell; north is up.
function picture(grid: Coverage, color: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = grid.columns;
  canvas.height = grid.rows;
  const context = canvas.getContext("2d");
  if (context) {
    context.fillStyle = color;
    for (let y = 0; y < grid.rows; ++y)
      for (let x = 0; x < grid.columns; ++x)
        if ((grid.cells[y * grid.columns + x] ?? 0) > 0)
          context.fillRect(x, grid.rows - 1 - y, 1, 1);
  }
  return canvas;
}
