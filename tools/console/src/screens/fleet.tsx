import { useMemo } from "preact/hooks";
import { number } from "../format/number";
import { fleet, liveState } from "../live/live";
import type { Position } from "../live/messages";
import type { Machine } from "../live/reducer";
import { usePaced } from "../live/store";
import { type Column, DataTable } from "../parts/data_table";
import { type Dot, DotsLayer } from "../parts/dots_layer";
import { MapView, useFitOnce, useMap, useMapLayer } from "../parts/map_view";
import { Screen } from "../parts/screen";
import { Age, Badge, SearchBox, type Tone, Value } from "../parts/small";
import { href, queryText, setQuery } from "../shell/router";
import { color, dark } from "../shell/theme";

const mode_tones: Record<string, Tone> = { working: "good", moving: "info", idle: "warn" };

export function positionOf(machine: Machine): Position | null {
  const value = machine.values["position"]?.value;
  return typeof value === "object" && value !== null && "latitude_deg" in value ? value : null;
}
const modeOf = (machine: Machine): string => String(machine.values["mode"]?.value ?? "unknown");
const numberOf = (machine: Machine, key: string): number | null => {
  const value = machine.values[key]?.value;
  return typeof value === "number" ? value : null;
};
/// The time of the newest value.
export function lastSeen(machine: Machine): string | null {
  let last: string | null = null;
  for (const key in machine.values) {
    const time = machine.values[key]?.time;
    if (time && (last === null || time > last))
      last = time;
  }
  return last;
}
const activeFaults = (machine: Machine): number | null => {
  if (!machine.faults)
    return null;
  let active = 0;
  for (const one of machine.faults.values())
    active += one.list === "active" ? 1 : 0;
  return active;
};

const columns: Column<Machine>[] = [
  { id: "name", title: "Machine", sort: (one) => one.name,
    cell: (one) => <a href={href("machine", { name: one.name })}>{one.name}</a> },
  { id: "mode", title: "Mode", sort: modeOf,
    cell: (one) => <Badge tone={mode_tones[modeOf(one)] ?? "quiet"}>{modeOf(one)}</Badge> },
  { id: "speed", title: "Speed", numeric: true, sort: (one) => numberOf(one, "ground_speed_mps"),
    cell: (one) => <Value value={numberOf(one, "ground_speed_mps")} unit={one.values["ground_speed_mps"]?.unit} /> },
  { id: "engine", title: "Engine", numeric: true, sort: (one) => numberOf(one, "engine_speed_rpm"),
    cell: (one) => <Value value={numberOf(one, "engine_speed_rpm")} unit="rpm" digits={0} /> },
  { id: "faults", title: "Faults", numeric: true, sort: activeFaults,
    cell: (one) => <Value value={activeFaults(one)} /> },
  { id: "link", title: "Gateway", sort: (one) => (one.connected ? 0 : 1),
    cell: (one) => one.connected ? <Badge tone="good">connected</Badge> : <Badge>not connected</Badge> },
  { id: "seen", title: "Last value", sort: (one) => lastSeen(one), cell: (one) => <Age time={lastSeen(one)} /> },
];

const mode_colors: Record<string, string> = { working: "--good", moving: "--accent", idle: "--warn" };

export function Fleet() {
  const version = usePaced(fleet.changes, 1000);
  const wanted = queryText("q").toLowerCase();
  const selected = queryText("machine");
  const rows = useMemo(
    () => [...fleet.machines.values()].filter((one) => one.name.toLowerCase().includes(wanted)), [version, wanted]);
  const dots = useMemo(() => rows.flatMap((one): Dot[] => {
    const at = positionOf(one);
    return at ? [{ name: one.name, latitude: at.latitude_deg, longitude: at.longitude_deg,
      color: color(mode_colors[modeOf(one)] ?? "--quiet"),
      heading: numberOf(one, "heading_deg") ?? numberOf(one, "course_deg") }] : [];
  }), [rows, dark.value]);
  const bounds = useMemo(
    () => dots.length > 0 ? dots.map((one): [number, number] => [one.latitude, one.longitude]) : null, [dots]);

  const map = useMap();
  useMapLayer(map, () => {
    const layer = new DotsLayer();
    layer.onPick = (name) => setQuery({ machine: name });
    return layer;
  }, (layer) => layer.setDots(dots, selected, color("--ink")), [dots, selected]);
  useFitOnce(map, bounds);

  const search = <SearchBox label="Search machines" value={queryText("q")} onChange={(q) => setQuery({ q })} />;
  return (
    <Screen title="Fleet" full actions={<>{search}<span class="quiet">{number(rows.length, 0)} shown</span></>}>
      <div class="split">
        <DataTable label="Machines" columns={columns} rows={rows} rowKey={(one) => one.name} sortKey="sort"
          defaultSort="name" selected={selected} onOpen={(one) => setQuery({ machine: one.name })}
          empty={liveState() === "live" ? "No machine sends now." : "The live view is not connected."} />
        <MapView map={map} label="Machines on a map" />
      </div>
    </Screen>
  );
}
