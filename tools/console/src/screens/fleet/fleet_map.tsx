/// The machines and the fields on a map.
import { GeoJSON, LatLngBounds, type LatLngExpression, Tooltip } from "leaflet";
import type { Feature, Polygon } from "geojson";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Schema } from "../../api/types";
import { number } from "../../format/number";
import type { Machine } from "../../live/reducer";
import { headingOf, lastSeen, positionOf, speedKmh } from "../../live/values";
import { type Dot, DotsLayer } from "../../parts/dots_layer";
import { MapView, fit_options, useFitOnce, useMap, useMapLayer } from "../../parts/map_view";
import { bySiteText } from "../../parts/small";
import { color, dark } from "../../shell/theme";
import { modeNow } from "./status";

export const mode_colors: Record<string, string> = { working: "--good", moving: "--accent", idle: "--warn" };

export interface FleetMapProps {
  machines: readonly Machine[];
  complete: boolean; // all machines are known
  fields: readonly Schema<"field">[];
  now: number;
  selected: string;
  follow: boolean;
  onPick: (name: string) => void;
  onDragged: () => void; // the user has moved the map by hand
}

function dotsOf(machines: readonly Machine[], now: number): Dot[] {
  const colors: Record<string, string> = { other: color("--quiet") };
  for (const [mode, name] of Object.entries(mode_colors))
    colors[mode] = color(name);
  const dots: Dot[] = [];
  for (const one of machines) {
    const at = positionOf(one);
    if (at)
      dots.push({ name: one.name, latitude: at.latitude_deg, longitude: at.longitude_deg, heading: headingOf(one),
        color: colors[modeNow(one, now)] ?? colors["other"] ?? "#888" });
  }
  return dots;
}

const boundsOf = (dots: readonly Dot[]): LatLngBounds => {
  const bounds = new LatLngBounds([]);
  for (const one of dots)
    bounds.extend([one.latitude, one.longitude]);
  return bounds;
};

/// The name, the mode, the speed, and whether a site forwards it. Text nodes: a name may contain anything.
function hoverText(machine: Machine | undefined, name: string, now: number): HTMLElement {
  const text = document.createElement("span");
  const speed = machine ? speedKmh(machine) : null;
  text.textContent = name + (machine ? ` · ${modeNow(machine, now)}` : "")
    + (speed === null ? "" : ` · ${number(speed, 1)} km/h`);
  if (machine?.relayed)
    text.append(document.createElement("br"), bySiteText(lastSeen(machine), now));
  return text;
}

const featureOf = (field: Schema<"field">): Feature<Polygon, { name: string }> =>
  ({ type: "Feature", properties: { name: field.name }, geometry: field.boundary as unknown as Polygon });

export function FleetMap({ machines, complete, fields, now, selected, follow, onPick, onDragged }: FleetMapProps) {
  const map = useMap();
  const dots = useMemo(() => dotsOf(machines, now), [machines, dark.value]);
  const first = complete && dots.length > 0; // the map shows all of them, once
  const bounds = useMemo(() => first ? boundsOf(dots) : null, [first]);
  const calls = useRef({ onPick, onDragged, machines, now });
  calls.current = { onPick, onDragged, machines, now };

  useMapLayer(map, () => new GeoJSON<{ name: string }>(undefined, { interactive: false }), (layer) => {
    layer.clearLayers();
    for (const field of fields)
      layer.addData(featureOf(field));
    layer.setStyle({ color: color("--map-line"), weight: 2, fillColor: color("--good"), fillOpacity: 0.12 });
  }, [fields, dark.value]);

  useMapLayer(map, () => {
    const layer = new DotsLayer();
    const tip = new Tooltip({ direction: "top", offset: [0, -10] });
    layer.onPick = (name) => calls.current.onPick(name);
    layer.onHover = (dot) => {
      tip.remove();
      if (dot && map.peek()) {
        const machine = calls.current.machines.find((one) => one.name === dot.name);
        tip.setLatLng([dot.latitude, dot.longitude]).setContent(hoverText(machine, dot.name, calls.current.now));
        tip.addTo(map.peek()!);
      }
    };
    return layer;
  }, (layer) => layer.setDots(dots, selected, color("--ink")), [dots, selected]);

  useFitOnce(map, bounds);

  const followed = follow ? dots.find((one) => one.name === selected) : undefined;
  useEffect(() => {
    const to: LatLngExpression | null = followed ? [followed.latitude, followed.longitude] : null;
    if (to && map.value)
      map.value.setView(to, Math.max(map.value.getZoom(), 13), { animate: false });
  }, [followed, map.value]);

  useEffect(() => {
    const dragged = () => calls.current.onDragged();
    const of = map.value;
    of?.on("dragstart", dragged);
    return () => { of?.off("dragstart", dragged); };
  }, [map.value]);

  const fit = () => {
    onDragged();
    if (dots.length > 0)
      map.peek()?.fitBounds(boundsOf(dots), fit_options);
  };
  return (
    <div class="fleet-map">
      <MapView map={map} label="Machines on a map" />
      <button type="button" class="on-map" disabled={dots.length === 0} onClick={fit}>Show all</button>
    </div>
  );
}
