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
const mercator_deg = 85.0511287798; // the map ends there
const labels_max = 30; // more names would cover each other
const sprite_size = 28;
const sprite_turn = 10; // degrees between two pictures of an arrow
const sprites_max = 500;
const crowd_min = 2000; // visible machines: arrows would only cover each other, and cost more than all else
const crowd_size = 8;

export class DotsLayer extends Layer {
  #canvas: HTMLCanvasElement | null = null;
  #dots: readonly Dot[] = [];
  #places: { x: number; y: number; dot: Dot }[] = [];
  #selected = "";
  #ring = "#000";
  #hovered = "";
  // Arrows are drawn once for each colour and direction, and then copied: paths of 10,000 arrows cost a whole core.
  readonly #sprites = new Map<string, HTMLCanvasElement>();
  onPick: ((name: string) => void) | null = null;
  onHover: ((dot: Dot | null) => void) | null = null; // under the mouse

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
    map.on("mousemove", this.#hover, this);
    map.on("mouseout movestart", this.#leave, this);
    this.#draw();
    return this;
  }

  override onRemove(map: LeafletMap): this {
    map.off("moveend zoomend resize viewreset", this.#draw, this);
    map.off("click", this.#pick, this);
    map.off("mousemove", this.#hover, this);
    map.off("mouseout movestart", this.#leave, this);
    this.#leave();
    this.#canvas?.remove();
    this.#canvas = null;
    this.#places = [];
    this.#sprites.clear();
    return this;
  }

  #draw(): void {
    const map = this.#on();
    const canvas = this.#canvas;
    const context = canvas?.getContext("2d");
    if (!map || !canvas || !context)
      return;
    const size = map.getSize();
    const scale = devicePixelRatio || 1;
    DomUtil.setPosition(canvas, map.containerPointToLayerPoint(new Point(0, 0)));
    const [width, height] = [size.x * scale, size.y * scale];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${size.x}px`;
      canvas.style.height = `${size.y}px`;
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, size.x, size.y);
    this.#place(map, size);
    const crowd = this.#places.length > crowd_min;
    const drawn = crowd ? crowd_size : sprite_size;
    for (const { x, y, dot } of this.#places)
      if (dot.name !== this.#selected)
        context.drawImage(this.#sprite(dot, scale, crowd), x - drawn / 2, y - drawn / 2, drawn, drawn);
    for (const { x, y, dot } of this.#places)
      if (dot.name === this.#selected)
        this.#drawDot(context, dot, x, y);
    if (this.#places.length <= labels_max)
      this.#drawNames(context);
  }

  /// The dots of the picture. As Leaflet projects, without an object for each step of it.
  #place(map: LeafletMap, size: Point): void {
    const world = 256 * 2 ** map.getZoom();
    const { x: left = 0, y: top = 0 } = map.getPixelBounds().min ?? {};
    this.#places = [];
    for (const dot of this.#dots) {
      const latitude = Math.max(-mercator_deg, Math.min(mercator_deg, dot.latitude));
      const x = Math.round(world * (dot.longitude / 360 + 0.5) - left);
      const y = Math.round(
        world * (0.5 - Math.log(Math.tan(Math.PI / 4 + (latitude * Math.PI) / 360)) / (2 * Math.PI)) - top);
      if (x >= -reach && y >= -reach && x <= size.x + reach && y <= size.y + reach)
        this.#places.push({ x, y, dot });
    }
  }

  #sprite(dot: Dot, scale: number, crowd: boolean): HTMLCanvasElement {
    const turn = crowd ? undefined : typeof dot.heading === "number" ? Math.round(dot.heading / sprite_turn) * sprite_turn : null;
    const key = `${dot.color} ${this.#ring} ${turn} ${scale}`;
    const known = this.#sprites.get(key);
    if (known)
      return known;
    if (this.#sprites.size >= sprites_max)
      this.#sprites.clear();
    const made = document.createElement("canvas");
    made.width = made.height = (crowd ? crowd_size : sprite_size) * scale;
    const context = made.getContext("2d");
    if (context) {
      context.scale(scale, scale);
      if (crowd) {
        context.fillStyle = dot.color;
        context.arc(crowd_size / 2, crowd_size / 2, crowd_size / 2 - 1, 0, 2 * Math.PI);
        context.fill();
      } else
        this.#drawDot(context, { ...dot, heading: turn ?? null }, sprite_size / 2, sprite_size / 2);
    }
    this.#sprites.set(key, made);
    return made;
  }

  #drawNames(context: CanvasRenderingContext2D): void {
    context.font = "13px system-ui, sans-serif";
    context.fillStyle = this.#ring;
    for (const { x, y, dot } of this.#places)
      context.fillText(dot.name, x + radius * 2, y + 4);
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

  #nearest(event: LeafletMouseEvent): string {
    const { x, y } = event.containerPoint;
    let [best, distance] = ["", reach * reach];
    for (const one of this.#places) {
      const square = (one.x - x) ** 2 + (one.y - y) ** 2;
      if (square < distance)
        [best, distance] = [one.dot.name, square];
    }
    return best;
  }

  #pick(event: LeafletMouseEvent): void {
    const name = this.#nearest(event);
    if (name !== "")
      this.onPick?.(name);
  }

  #hover(event: LeafletMouseEvent): void {
    const name = this.onHover ? this.#nearest(event) : "";
    if (name === this.#hovered)
      return;
    this.#hovered = name;
    this.#on()?.getContainer().classList.toggle("over-dot", name !== "");
    this.onHover?.(this.#dots.find((one) => one.name === name) ?? null);
  }

  #leave(): void {
    if (this.#hovered === "")
      return;
    this.#hovered = "";
    this.#on()?.getContainer().classList.remove("over-dot");
    this.onHover?.(null);
  }

  #on(): LeafletMap | null { return this._map as LeafletMap | null; }
}
