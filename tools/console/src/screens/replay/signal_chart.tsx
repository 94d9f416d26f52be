/// A chart of one signal of all machines, with the replay's time cursor. A click moves the cursor.
import type uPlot from "uplot";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Chart, type ChartSeries } from "../../parts/chart";
import { bucketLines } from "./lines";
import type { Player } from "./player";
import { type Signal, type Track, signals } from "./track";

export interface SignalChartProps {
  signal: Signal;
  tracks: readonly Track[];
  colors: readonly string[]; // names of the style sheet
  version: number; // of the data
  player: Player;
  from: number;
  to: number;
  onMoved: () => void;
}

const buckets = 600;

/// A line over the plot that follows the player without Preact.
function followPlayer(chart: uPlot, player: Player, onMoved: () => void): () => void {
  const line = document.createElement("div");
  line.className = "replay-cursor";
  chart.over.append(line);
  const stop = player.listen((at) => {
    const x = chart.valToPos(at / 1000, "x");
    line.style.transform = `translateX(${Math.round(x)}px)`;
    line.hidden = !(x >= 0 && x <= chart.over.clientWidth);
  });
  // The legend has the values at the cursor; five times a second is enough to read.
  const stopLegend = player.shown.subscribe((at) => chart.setLegend({ idx: chart.valToIdx(at / 1000) }));
  const pick = (event: MouseEvent) => {
    player.seek(chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, "x") * 1000);
    onMoved();
  };
  chart.over.addEventListener("click", pick);
  return () => {
    stop();
    stopLegend();
    chart.over.removeEventListener("click", pick);
    line.remove();
  };
}

export function SignalChart({ signal, tracks, colors, version, player, from, to, onMoved }: SignalChartProps) {
  const [chart, setChart] = useState<uPlot | null>(null);
  const [zoom, setZoom] = useState<[number, number] | null>(null);
  const { title, unit } = signals[signal];
  const [first, last] = zoom ?? [from, to];
  useEffect(() => setZoom(null), [from, to]);
  useEffect(() => chart ? followPlayer(chart, player, onMoved) : undefined, [chart]);
  const names = tracks.map((one) => one.name).join("\n");
  const series = useMemo(() => {
    const { times, of } = bucketLines(tracks, signal, first, last, buckets);
    // uPlot draws over `undefined` and stops at null.
    return tracks.map((track, i): ChartSeries =>
      ({ label: track.name, unit, times, values: of[i] as ChartSeries["values"] }));
  }, [names, signal, version, first, last]);
  useEffect(() => chart?.setLegend({ idx: chart.valToIdx(player.at / 1000) }), [chart, series]);
  const empty = tracks.every((one) => one.asked(signal) && !one.has(signal));
  return (
    <div class="replay-chart">
      <div class="row">
        <h2>{title} <span class="quiet">{unit}</span></h2>
        {empty && <span class="quiet">No machine has this signal in this range.</span>}
        {zoom && <button type="button" onClick={() => setZoom(null)}>Show the whole range</button>}
      </div>
      {!empty && <Chart label={`${title} over time`} series={series} height={150} from={first / 1000} to={last / 1000}
        colors={colors} syncKey="replay" onReady={setChart}
        onSelect={(a, b) => setZoom([a * 1000, b * 1000])} />}
    </div>
  );
}
