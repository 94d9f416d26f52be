/// Tracks, stops and machines of a replay on a map: one canvas for what stands still, one for the machines.
///
/// Shape: the places of the rows are projected once, as they come; a move of the map costs one pass over them, and a
///   picture of the replay only the machines.
import { DomUtil, Layer, type Map as LeafletMap, Point } from "leaflet";
import { type Stop, type Track, modes, placeAt } from "./track";

export interface Shown {
  track: Track;
  color: string;
  stops: readonly Stop[];
}

interface Projected {
  length: number;
  x: Float64Array; // of the world, 0 to 1; NaN: no position
  y: Float64Array;
}

const working = modes.indexOf("working");
const world = (latitude: number, longitude: number): [number, number] =>
  [(longitude + 180) / 360, 0.5 - Math.log(Math.tan(Math.PI / 4 + (latitude * Math.PI) / 360)) / (2 * Math.PI)];

export class TrackLayer extends Layer {
  #still: HTMLCanvasElement | null = null;
  #moving: HTMLCanvasElement | null = null;
  #shown: readonly Shown[] = [];
  #ink = "#000";
  #paper = "#fff";
  #at = 0;
  readonly #projected = new WeakMap<Track, Projected>();

  setShown(shown: readonly Shown[], ink: string, paper: string): void {
    this.#shown = shown;
    this.#ink = ink;
    this.#paper = paper;
    this.#drawStill();
    this.setTime(this.#at);
  }

  override onAdd(map: LeafletMap): this {
    const canvas = () => {
      const made = DomUtil.create("canvas", "leaflet-zoom-hide", map.getPane("overlayPane"));
      made.style.pointerEvents = "none";
      return made;
    };
    this.#still = canvas();
    this.#moving = canvas();
    map.on("moveend zoomend resize viewreset", this.#drawAll, this);
    map.on("move", this.#drawMoving, this);
    this.#drawAll();
    return this;
  }

  override onRemove(map: LeafletMap): this {
    map.off("moveend zoomend resize viewreset", this.#drawAll, this);
    map.off("move", this.#drawMoving, this);
    this.#still?.remove();
    this.#moving?.remove();
    this.#still = this.#moving = null;
    return this;
  }

  setTime(at: number): void {
    this.#at = at;
    this.#drawMoving();
  }

  #drawAll(): void {
    this.#drawStill();
    this.#drawMoving();
  }

  /// An empty canvas over the map, and how the world (0 to 1) lies on it.
  #begin(canvas: HTMLCanvasElement | null) {
    const map = this._map as LeafletMap | null;
    const context = canvas?.getContext("2d");
    if (!map || !canvas || !context)
      return null;
    const size = map.getSize();
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(size.x * scale) || canvas.height !== Math.round(size.y * scale)) {
      canvas.width = Math.round(size.x * scale);
      canvas.height = Math.round(size.y * scale);
      canvas.style.width = `${size.x}px`;
      canvas.style.height = `${size.y}px`;
    }
    DomUtil.setPosition(canvas, map.containerPointToLayerPoint(new Point(0, 0)));
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, size.x, size.y);
    const origin = map.project(map.containerPointToLatLng([0, 0]));
    return { context, size, pixels: 256 * 2 ** map.getZoom(), origin };
  }

  #project(track: Track): Projected {
    let done = this.#projected.get(track);
    if (!done || done.x.length < track.length) {
      const room = Math.max(4096, track.length * 2);
      const grown: Projected = { length: done?.length ?? 0, x: new Float64Array(room), y: new Float64Array(room) };
      if (done) {
        grown.x.set(done.x);
        grown.y.set(done.y);
      }
      this.#projected.set(track, done = grown);
    }
    for (; done.length < track.length; ++done.length)
      [done.x[done.length], done.y[done.length]] =
        world(track.latitude.at(done.length), track.longitude.at(done.length)) as [number, number];
    return done;
  }

  #drawStill(): void {
    const view = this.#begin(this.#still);
    if (!view)
      return;
    const { context, pixels, origin } = view;
    context.lineJoin = "round";
    for (const { track, color } of this.#shown) {
      context.strokeStyle = color;
      for (const work of [false, true]) {
        context.setLineDash(work ? [] : [3, 4]);
        context.lineWidth = work ? 3 : 1.5;
        context.globalAlpha = work ? 0.75 : 0.9;
        context.beginPath();
        this.#trace(context, track, work, pixels, origin.x, origin.y);
        if (track.detail)
          this.#trace(context, track.detail, work, pixels, origin.x, origin.y);
        context.stroke();
      }
    }
    context.setLineDash([]);
    context.globalAlpha = 1;
    for (const { stops, color } of this.#shown)
      for (const stop of stops) {
        const [x, y] = world(stop.latitude, stop.longitude);
        context.fillStyle = color;
        context.strokeStyle = this.#paper;
        context.lineWidth = 2;
        context.beginPath();
        context.rect(x * pixels - origin.x - 5, y * pixels - origin.y - 5, 10, 10);
        context.fill();
        context.stroke();
      }
  }

  /// The parts of the way with or without work. Points closer than a pixel to the last one are left out.
  #trace(
    context: CanvasRenderingContext2D, track: Track, work: boolean, pixels: number, left: number, top: number): void {
    const { x, y } = this.#project(track);
    let [lastX, lastY, lastAt] = [NaN, NaN, -Infinity];
    let drawing = false;
    for (let i = 0; i < track.length; ++i) {
      const [px, py] = [(x[i] ?? NaN) * pixels - left, (y[i] ?? NaN) * pixels - top];
      if (Number.isNaN(px))
        continue;
      const at = track.times.at(i);
      const fits = (track.mode.at(i) === working) === work;
      if (at - lastAt > track.gapMs || (fits && !drawing)) {
        context.moveTo(at - lastAt > track.gapMs ? px : lastX, at - lastAt > track.gapMs ? py : lastY);
        [lastX, lastY] = [px, py];
      }
      lastAt = at;
      if (Math.abs(px - lastX) + Math.abs(py - lastY) < 1 && fits === drawing)
        continue;
      if (fits)
        context.lineTo(px, py);
      drawing = fits;
      [lastX, lastY] = [px, py];
    }
  }

  #drawMoving(): void {
    const view = this.#begin(this.#moving);
    if (!view)
      return;
    const { context, pixels, origin } = view;
    context.font = "600 13px system-ui, sans-serif";
    context.lineJoin = "round";
    for (const { track, color } of this.#shown) {
      const place = placeAt(track, this.#at);
      if (!place)
        continue;
      const [wx, wy] = world(place.latitude, place.longitude);
      const [x, y] = [wx * pixels - origin.x, wy * pixels - origin.y];
      context.globalAlpha = place.old ? 0.5 : 1;
      context.fillStyle = color;
      context.strokeStyle = this.#ink;
      context.lineWidth = 1.5;
      context.beginPath();
      if (place.heading === null)
        context.arc(x, y, 7, 0, 2 * Math.PI);
      else {
        const turn = (place.heading * Math.PI) / 180;
        for (const [angle, length] of [[0, 13], [2.5, 9], [-2.5, 9]] as const)
          context.lineTo(x + Math.sin(turn + angle) * length, y - Math.cos(turn + angle) * length);
        context.closePath();
      }
      context.fill();
      context.stroke();
      context.lineWidth = 3;
      context.strokeStyle = this.#paper;
      context.strokeText(track.name, x + 12, y - 8);
      context.fillStyle = this.#ink;
      context.fillText(track.name, x + 12, y - 8);
    }
    context.globalAlpha = 1;
  }
}
