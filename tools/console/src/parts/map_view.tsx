/// A map on Leaflet: outlines of the countries and a scale. The node may have tiles for it; by default there are none, and
/// no request goes to another origin.
///
///   const map = useMap();                       // a signal of the Leaflet map; null until it is there
///   useMapLayer(map, () => new DotsLayer(), (layer) => layer.setDots(dots), [dots]);
///   <MapView map={map} label="Machines on a map" />
import { type Signal, useSignal } from "@preact/signals";
import { Canvas, Control, Map as LeafletMap, type LatLngBoundsExpression, type Layer, Polyline } from "leaflet";
import { useEffect, useRef } from "preact/hooks";
import { color, dark } from "../shell/theme";
import { drawGround } from "./base_map";
import { outlines } from "./outlines";

export type MapSignal = Signal<LeafletMap | null>;
export const useMap = (): MapSignal => useSignal<LeafletMap | null>(null);

export interface MapViewProps {
  map: MapSignal;
  label: string;
  onMoved?: (map: LeafletMap) => void; // after the user or the page has moved it
}

export function MapView({ map, label, onMoved }: MapViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const moved = useRef(onMoved);
  moved.current = onMoved;

  useEffect(() => {
    if (!box.current)
      return undefined;
    const made = new LeafletMap(box.current, {
      preferCanvas: true, attributionControl: false, zoomControl: true, worldCopyJump: true, minZoom: 2, maxZoom: 20,
      zoomSnap: 0.5, center: [48, 10], zoom: 4,
    });
    new Control.Scale({ imperial: false }).addTo(made);
    const countries = new Polyline(outlines(), {
      renderer: new Canvas({ padding: 0.5 }), interactive: false, weight: 1, color: color("--map-line"),
      smoothFactor: 1,
    }).addTo(made);
    const stop = dark.subscribe(() => countries.setStyle({ color: color("--map-line") }));
    const sizes = new ResizeObserver(() => made.invalidateSize({ pan: false }));
    sizes.observe(box.current);
    made.on("moveend", () => moved.current?.(made));
    map.value = made;
    let here = true;
    void drawGround(made, () => here).then((drawn) => { if (drawn) countries.remove(); });
    return () => {
      here = false;
      map.value = null;
      stop();
      sizes.disconnect();
      made.remove();
    };
  }, []);

  return <div class="map" ref={box} role="application" aria-label={`${label}. Arrow keys move, + and − zoom.`} />;
}

/// A layer that lives as long as the component and the map. `update` runs when it is added and when `deps` change.
export function useMapLayer<L extends Layer>(
  map: MapSignal, make: () => L, update: (layer: L, map: LeafletMap) => void, deps: readonly unknown[]): void {
  const layer = useRef<L | null>(null);
  const now = map.value;
  useEffect(() => {
    if (!now)
      return undefined;
    const made = (layer.current = make());
    made.addTo(now);
    return () => {
      made.remove();
      layer.current = null;
    };
  }, [now]);
  useEffect(() => {
    if (now && layer.current)
      update(layer.current, now);
  }, [now, ...deps]);
}

/// Room for the names at the right of the marks.
export const fit_options = { paddingTopLeft: [32, 32] as [number, number],
  paddingBottomRight: [96, 32] as [number, number], maxZoom: 16, animate: false };

const settle_ms = 2000; // the parts around a new map may still change its size

/// Shows the box once, when there is one: what the user has moved to is not taken away.
export function useFitOnce(map: MapSignal, bounds: LatLngBoundsExpression | null): void {
  const fitted = useRef(false);
  const now = map.value;
  useEffect(() => {
    if (!now || !bounds || fitted.current)
      return;
    fitted.current = true;
    const fit = () => now.fitBounds(bounds, fit_options);
    const box = now.getContainer();
    const stop = () => {
      now.off("resize", fit);
      box.removeEventListener("pointerdown", stop);
      box.removeEventListener("wheel", stop);
    };
    fit();
    now.on("resize", fit);
    box.addEventListener("pointerdown", stop);
    box.addEventListener("wheel", stop);
    setTimeout(stop, settle_ms);
  }, [now, bounds]);
}
