/// Many dots on a map, on one canvas: 10,000 machines are one layer, not 10,000.
import { DomUtil, Layer, type LeafletMouseEvent, type Map as LeafletMap, Point } from "leaflet";

export interface Dot {
  name: string;
  latitude: number;
  longitude: number;
  color: string;
  heading?: number | null; // degrees from north; absent: a plain dot
}

const radius = 6;
const reach = 20; // pixels around a finger

export class DotsLayer extends Layer {
  #canvas: HTMLCanvasElement | null = null;
  #dots: readonly Dot[] = [];
  #places: { x: number; y: number; name: string }[] = [];
  #selected = "";
  #ring = "#000";
  onPick: ((name: string) => void) | null = null;

  setDots(dots: readonly Dot[], selected = "", ring = "#000"): void {
    this.#dots = dots;
    this.#selected = selected;
    this.#ring = ring;
    this.#draw();
  }

  override onAdd(map: LeafletMap): this {
    this.#canvas = DomUtil.create("canvas", "leaflet-zoom-hide");
    this.#canvas.style.pointerEvents = "none";
    map.getPane("overlayPane")?.append(this.#canvas);
    map.on("moveend zoomend resize viewreset", this.#draw, this);
    map.on("click", this.#pick, this);
    this.#draw();
    return this;
  }

  override onRemove(map: LeafletMap): this {
    map.off("moveend zoomend resize viewreset", this.#draw, this);
    map.off("click", this.#pick, this);
    this.#canvas?.remove();
    this.#canvas = null;
    this.#places = [];
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
    this.#places = [];
    for (const dot of this.#dots) {
      const { x, y } = map.latLngToContainerPoint([dot.latitude, dot.longitude]);
      if (x < -reach || y < -reach || x > size.x + reach || y > size.y + reach)
        continue;
      this.#places.push({ x, y, name: dot.name });
      this.#drawDot(context, dot, x, y);
    }
  }

  #drawDot(context: CanvasRenderingContext2D, dot: Dot, x: number, y: number): void {
    const chosen = dot.name === this.#selected;
    context.fillStyle = dot.color;
    context.strokeStyle = this.#ring;
    context.lineWidth = chosen ? 3 : 1;
    context.beginPath();
    if (typeof dot.heading === "number") {
      const turn = (dot.heading * Math.PI) / 180;
      const corner = (angle: number, length: number): [number, number] =>
        [x + Math.sin(turn + angle) * length, y - Math.cos(turn + angle) * length];
      context.moveTo(...corner(0, radius * 1.7));
      context.lineTo(...corner(2.5, radius * 1.2));
      context.lineTo(...corner(-2.5, radius * 1.2));
      context.closePath();
    } else
      context.arc(x, y, chosen ? radius + 2 : radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }

  #pick(event: LeafletMouseEvent): void {
    const { x, y } = event.containerPoint;
    let [best, distance] = ["", reach * reach];
    for (const one of this.#places) {
      const square = (one.x - x) ** 2 + (one.y - y) ** 2;
      if (square < distance)
        [best, distance] = [one.name, square];
    }
    if (best !== "")
      this.onPick?.(best);
  }
}
