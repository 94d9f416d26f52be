/// Charts of any signals of a machine: one chart a unit, one cursor over all.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { clock, nodeNow } from "../../format/clock";
import { unitText } from "../../format/number";
import { duration, localTime } from "../../format/time";
import type { Machine } from "../../live/reducer";
import type { Fleet } from "../../live/store";
import { shownUnit } from "../../live/values";
import { Chart, type ChartSeries } from "../../parts/chart";
import { ErrorLine } from "../../parts/error_line";
import { Loading } from "../../parts/small";
import { queryText, setQuery } from "../../shell/router";
import { sourceKey, useHistory, useTail } from "./history";
import { isEmpty, lineOf } from "./line";
import { Picker } from "./picker";
import { quantityOf, titleOf } from "./quantities";
import {
  type Range, type RangeId, default_range, gapOf, lengthOf, range_titles, ranges, readRange, sourceOf, takesLive,
  windowOf,
} from "./range";

export const chosen_max = 12;
const default_signals = ["ground_speed_mps", "engine_speed_rpm", "engine_load_pct", "fuel_rate_lph"];

/// The signals of the address; without any, some that most machines have. "none": no chart.
export function chosenSignals(): string[] {
  const text = queryText("signals");
  if (text === "")
    return default_signals;
  return text === "none" ? [] : text.split(",").filter((one) => one !== "").slice(0, chosen_max);
}
export function chooseSignal(id: string, chosen: boolean): void {
  const others = chosenSignals().filter((one) => one !== id);
  const next = chosen ? [...others, id].slice(-chosen_max) : others;
  setQuery({ signals: next.length === 0 ? "none" : next.join() === default_signals.join() ? null : next.join() });
}

const setRange = (id: RangeId) => setQuery({ range: id === default_range ? null : id, from: null, to: null });
const setOwn = (from: number, to: number) =>
  setQuery({ range: null, from: new Date(from).toISOString(), to: new Date(to).toISOString() }, true);

/// As <input type="datetime-local"> has it.
const inputTime = (ms: number): string => localTime(ms, false).replace(" ", "T");

function RangeControls({ range }: { range: Range }) {
  const [open, setOpen] = useState(false);
  const send = (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const [from, to] = [Date.parse(String(form.get("from"))), Date.parse(String(form.get("to")))];
    if (from < to) {
      setOwn(from, to);
      setOpen(false);
    }
  };
  const now = windowOf(range, nodeNow());
  const own = range.kind === "own";
  return (
    <>
      <div class="chips" role="group" aria-label="Time range">
        {(Object.keys(ranges) as RangeId[]).map((id) => {
          const chosen = range.kind === "live" && range.id === id;
          return <button key={id} type="button" class={chosen ? "chip chosen" : "chip"} aria-pressed={chosen}
            onClick={() => setRange(id)}>{range_titles[id]}</button>;
        })}
        <button type="button" class={own ? "chip chosen" : "chip"} aria-pressed={own} aria-expanded={open}
          onClick={() => setOpen(!open)}>
          {own ? `${localTime(range.from)} to ${localTime(range.to)}` : "Other…"}</button>
      </div>
      {open && (
        <form class="row" onSubmit={send}>
          <label>From <input type="datetime-local" name="from" required defaultValue={inputTime(now.from)} /></label>
          <label>To <input type="datetime-local" name="to" required defaultValue={inputTime(now.to)} /></label>
          <button type="submit" class="primary">Show</button>
        </form>
      )}
    </>
  );
}

function unitOf(id: string, machine: Machine | undefined, signals: readonly Schema<"signal">[]): string {
  return (quantityOf(id) || machine?.values[id] ? shownUnit(machine?.values[id]?.unit ?? unitByKey(id))
    : signals.find((one) => one.name === id)?.unit) ?? "";
}
const key_units: [RegExp, string][] = [[/_mps$/, "m/s"], [/_rpm$/, "rpm"], [/_pct$/, "%"], [/_lph$/, "L/h"],
  [/_c$/, "°C"], [/_kpa$/, "kPa"], [/_v$/, "V"], [/_deg$/, "deg"], [/_h$/, "h"], [/_l$/, "L"],
  [/_km$/, "km"], [/_m$/, "m"]];
/// Of a value that the machine does not send now: its key ends in the unit.
const unitByKey = (key: string): string | null => key_units.find(([end]) => end.test(key))?.[1] ?? null;

const labelsOf = (series: readonly ChartSeries[]): string => series.map((one) => one.label).join(", ");

export interface ChartsProps {
  name: string;
  machine: Machine | undefined;
  live: Fleet; // the stream that has the machine
}
export function Charts({ name, machine, live }: ChartsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [pixels, setPixels] = useState(0);
  const [picking, setPicking] = useState(false);
  const signalsText = queryText("signals");
  const ids = useMemo(chosenSignals, [signalsText]);
  const [rangeText, fromText, toText] = [queryText("range"), queryText("from"), queryText("to")];
  const range = useMemo(() => readRange(rangeText, fromText, toText), [rangeText, fromText, toText]);
  const length = lengthOf(range);
  const known = usePoll((signal) => get("/api/v1/equipment/{name}/signals", { path: { name }, signal }), 60_000, name);
  const signals = known.value?.signals ?? [];
  const stored = useMemo(() => new Set(signals.map((one) => one.name)), [known.value]);

  useEffect(() => {
    // Steps of 200 pixels: a window that is dragged wider does not load anew at each pixel.
    const measure = () => setPixels(Math.ceil((box.current?.clientWidth ?? 800) / 200) * 200);
    const sizes = new ResizeObserver(measure);
    if (box.current)
      sizes.observe(box.current);
    return () => sizes.disconnect();
  }, []);

  const of = useMemo(() => new Map(ids.map((id) => [id, sourceOf(id, length, pixels, stored)])),
    [ids, length, pixels, stored]);
  const sources = useMemo(() => pixels === 0 || known.loading ? [] : [...of.values()].filter((one) => one !== null),
    [of, pixels, known.loading]);
  const history = useHistory(name, sources, range);
  const tail = useTail(live, name, takesLive(range) ? ids : [], length);

  const now = range.kind === "live" ? clock.value : 0;
  const { from, to } = windowOf(range, now);
  const charts = new Map<string, { series: ChartSeries[]; empty: boolean }>();
  for (const id of ids) {
    const source = of.get(id) ?? null;
    const points = source ? history.points[sourceKey(source)] ?? [] : [];
    const line = lineOf(points, takesLive(range) ? tail[id] ?? [] : [], from, to, gapOf(source ? history.buckets[sourceKey(source)] ?? 0 : 0));
    const unit = unitOf(id, machine, signals);
    const chart = charts.get(unit) ?? { series: [], empty: true };
    chart.series.push({ label: titleOf(id), unit, ...line });
    chart.empty &&= isEmpty(line);
    charts.set(unit, chart);
  }
  const without = [...charts.values()].flatMap((one) => one.empty ? one.series : []);
  const waiting = known.loading || history.loading;
  const bucketMs = Math.max(0, ...sources.map((one) => history.buckets[sourceKey(one)] ?? 0));
  return (
    <div ref={box}>
      <div class="screen-head">
        <h2>Charts</h2>
        <RangeControls range={range} />
      </div>
      <div class="row chosen-signals">
        {ids.map((id) => (
          <span key={id} class="badge picked">{titleOf(id)}
            <button type="button" class="plain" aria-label={`Remove ${titleOf(id)} from the charts`}
              onClick={() => chooseSignal(id, false)}>×</button>
          </span>
        ))}
        <button type="button" onClick={() => setPicking(true)}>Choose signals…</button>
        {bucketMs > 0 && <span class="quiet">means of {duration(bucketMs)}</span>}
      </div>
      <ErrorLine problem={known.problem ?? history.problem} stale={history.points !== undefined} />
      {ids.length === 0 && <p class="empty">No signal is chosen.</p>}
      {[...charts].filter(([, one]) => !one.empty).map(([unit, { series }]) => (
        <Chart key={unit} label={`${labelsOf(series)} in ${unitText(unit) || "plain numbers"}`} series={series}
          syncKey="machine" height={180} from={from / 1000} to={to / 1000}
          onSelect={(first, last) => setOwn(first * 1000, last * 1000)} />))}
      {without.length > 0 && (waiting ? <Loading />
        : <p class="empty card">No data in this range: {labelsOf(without)}.</p>)}
      <Picker open={picking} onClose={() => setPicking(false)} machine={machine} signals={signals} chosen={ids}
        chosenMax={chosen_max} onChoose={chooseSignal} />
    </div>
  );
}
