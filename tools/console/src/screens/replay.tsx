import { type LatLngBoundsExpression } from "leaflet";
import { useEffect, useMemo, useState } from "preact/hooks";
import { farm } from "../api/client";
import { nodeNow } from "../format/clock";
import { parseTime } from "../format/time";
import { line_colors } from "../parts/chart";
import { MachinePicker } from "../parts/machine_picker";
import { MapView, fit_options, useFitOnce, useMap, useMapLayer } from "../parts/map_view";
import { Screen } from "../parts/screen";
import { Empty } from "../parts/small";
import { TimeRange } from "../parts/time_range";
import { queryList, queryNumber, queryText, setQuery } from "../shell/router";
import { color, dark } from "../shell/theme";
import { Controls } from "./replay/controls";
import { useTracks } from "./replay/load";
import { Player, speeds } from "./replay/player";
import { SignalChart } from "./replay/signal_chart";
import { Stops, type Summary, TotalsTable } from "./replay/totals";
import { type Signal, type Stop, type Track, signal_keys, signals, stopsOf, totalsOf } from "./replay/track";
import { TrackLayer } from "./replay/track_layer";

const machines_max = 8;
const hour_ms = 3_600_000;
const colorName = (i: number): string => line_colors[i % line_colors.length] ?? "--accent";

/// Computed again only when there are more rows.
const known = new WeakMap<Track, { length: number; totals: Summary["totals"]; stops: Stop[] }>();
function summaryOf(track: Track) {
  const before = known.get(track);
  if (before && before.length === track.length)
    return before;
  const made = { length: track.length, totals: totalsOf(track), stops: stopsOf(track) };
  known.set(track, made);
  return made;
}

function boundsOf(tracks: readonly Track[]): [number, number][] | null {
  const corners: [number, number][] = [];
  for (const track of tracks) {
    let [south, west, north, east] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < track.length; ++i) {
      const [latitude, longitude] = [track.latitude.at(i), track.longitude.at(i)];
      if (Number.isNaN(latitude))
        continue;
      [south, north] = [Math.min(south, latitude), Math.max(north, latitude)];
      [west, east] = [Math.min(west, longitude), Math.max(east, longitude)];
    }
    if (north >= south)
      corners.push([south, west], [north, east]);
  }
  return corners.length > 0 ? corners : null;
}

/// The space bar plays, arrow keys step, unless a part of the page uses the key itself.
function useKeys(player: Player, onMoved: () => void): void {
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const on = event.target as HTMLElement;
      const used = on.closest("input, select, textarea, button, a, dialog, .map") !== null;
      if (used || event.ctrlKey || event.altKey || event.metaKey)
        return;
      const step = (event.shiftKey ? 60_000 : 10_000) * (event.key === "ArrowLeft" ? -1 : 1);
      if (event.key === " ")
        player.toggle();
      else if (event.key === "ArrowLeft" || event.key === "ArrowRight")
        player.seek(player.at + step);
      else
        return;
      event.preventDefault();
      onMoved();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
}

function usePlayer(from: number, to: number) {
  const [player] = useState(() => new Player());
  const [write] = useState(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    // The range too: the default one is another for a colleague.
    const save = () => setQuery({ from: new Date(player.from).toISOString(), to: new Date(player.to).toISOString(),
      at: new Date(Math.round(player.at / 1000) * 1000).toISOString(), speed: player.speed.peek() });
    return { later: () => { clearTimeout(timer); timer = setTimeout(save, 300); }, end: () => clearTimeout(timer) };
  });
  useEffect(() => {
    player.setRange(from, to);
    const asked = parseTime(queryText("at"));
    player.seek(asked !== null && asked >= from && asked <= to ? asked : from);
  }, [from, to]);
  useEffect(() => {
    const speed = queryNumber("speed", 10);
    player.speed.value = speeds.find((one) => one === speed) ?? 10;
    // For tests of the smoothness: pictures since the page was opened.
    (globalThis as { furrowReplay?: Player }).furrowReplay = player;
    return () => {
      write.end();
      player.dispose();
      delete (globalThis as { furrowReplay?: Player }).furrowReplay;
    };
  }, []);
  useKeys(player, write.later);
  return { player, moved: write.later };
}

function SignalChoice({ chosen, tracks }: { chosen: readonly Signal[]; tracks: readonly Track[] }) {
  const rest = signal_keys.filter((one) => !chosen.includes(one) && one !== "latitude_deg" && one !== "longitude_deg");
  const set = (next: readonly Signal[]) => setQuery({ signals: next.join(",") || "none" });
  return (
    <div class="row">
      {chosen.map((one) => (
        <span key={one} class="chip">{signals[one].title}
          <button type="button" class="plain" aria-label={`Remove the chart of ${signals[one].title}`}
            onClick={() => set(chosen.filter((other) => other !== one))}>×</button>
        </span>
      ))}
      <select aria-label="Add a chart" value="" onChange={(event) => {
        set([...chosen, event.currentTarget.value as Signal]);
        event.currentTarget.value = "";
      }}>
        <option value="">Add a chart…</option>
        {rest.map((one) => (
          <option key={one} value={one}>
            {signals[one].title}{tracks.every((track) => track.asked(one) && !track.has(one)) ? " (no data)" : ""}
          </option>
        ))}
      </select>
    </div>
  );
}

export function Replay() {
  const [start] = useState(() => Math.floor(nodeNow() / 60_000) * 60_000);
  const names = queryList("machines").slice(0, machines_max);
  const from = parseTime(queryText("from")) ?? start - hour_ms;
  const to = Math.max(from + 1000, parseTime(queryText("to")) ?? start);
  const { player, moved } = usePlayer(from, to);
  const asked = queryText("signals", "speed_kmh");
  const chosen = useMemo(() => signal_keys.filter((one) => asked.split(",").includes(one)), [asked]);
  const { machines, version } = useTracks(names, chosen, from, to, farm.value, player);
  const tracks = useMemo(() => machines.map((one) => one.track), [version, names.join("\n")]);
  const all = useMemo(() => machines.map((loading, i): Summary =>
    ({ loading, color: color(colorName(i)), ...summaryOf(loading.track) })), [version, names.join("\n"), dark.value]);
  const loaded = machines.every((one) => one.done >= 1);
  const bounds = useMemo((): LatLngBoundsExpression | null => loaded ? boundsOf(tracks) : null, [loaded, tracks]);

  const map = useMap();
  const [layer] = useState(() => new TrackLayer());
  useMapLayer(map, () => layer, (made) => made.setShown(
    all.map(({ loading, color: of, stops }) => ({ track: loading.track, color: of, stops })),
    color("--ink"), color("--paper")), [all]);
  useEffect(() => map.value ? player.listen((at) => layer.setTime(at)) : undefined, [map.value]);
  useFitOnce(map, bounds);
  useEffect(() => {
    // Without an asked time the replay begins with the data.
    const first = Math.min(...tracks.filter((one) => one.length > 0).map((one) => one.times.at(0)));
    if (loaded && queryText("at") === "" && first > player.at && first < to)
      player.seek(first);
  }, [loaded, from, to]);
  const fit = () => bounds && map.value?.fitBounds(bounds, fit_options);
  const pick = (stop: Stop) => {
    player.seek(stop.from);
    map.value?.panTo([stop.latitude, stop.longitude]);
    moved();
  };

  const range = <TimeRange from={from} to={to} onChange={(next) => setQuery({ ...next, at: null })} />;
  const part = machines.reduce((sum, one) => sum + one.done, 0) / Math.max(1, machines.length);
  return (
    <Screen title="Replay" full actions={range}>
      <MachinePicker label="Machines" chosen={names} max={machines_max} color={(i) => color(colorName(i))}
        onChange={(next) => setQuery({ machines: next.join(",") })} />
      {names.length === 0 ? <Empty>Choose up to {machines_max} machines and a time range.</Empty> : (
        <>
          {!loaded && <progress class="loading-bar" aria-label="Loading the telemetry" value={part} max={1} />}
          {loaded && tracks.every((one) => one.length === 0) && machines.every((one) => !one.problem)
            && <p class="error-line" role="status">No data in this range. Choose another range or other machines.</p>}
          <div class="replay">
            <div class="replay-map">
              <MapView map={map} label="Tracks of the machines" />
              <div class="legend"><span><i class="line-working" /> working</span>
                <span><i class="line-moving" /> transport and other</span><span><i class="mark-stop" /> stop</span>
                <button type="button" disabled={bounds === null} onClick={fit}>Show all</button></div>
            </div>
            <Controls player={player} from={from} to={to} onMoved={moved} />
            <div class="replay-charts">
              <SignalChoice chosen={chosen} tracks={tracks} />
              {chosen.map((one) => (
                <SignalChart key={one} signal={one} tracks={tracks} colors={tracks.map((_, i) => colorName(i))}
                  version={version} player={player} from={from} to={to} onMoved={moved} />
              ))}
            </div>
            <div class="replay-side">
              <TotalsTable all={all} />
              <h2>Stops</h2>
              <Stops all={all} onPick={pick} />
            </div>
          </div>
        </>
      )}
    </Screen>
  );
}
