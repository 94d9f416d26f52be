/// The work in a field: machines, time range and width of the implement go in; coverage and yield come out.
import { useEffect, useMemo, useState } from "preact/hooks";
import { type ApiProblem, isAbort, toProblem } from "../../api/problem";
import { nodeNow } from "../../format/clock";
import { number } from "../../format/number";
import { absent, duration, parseTime } from "../../format/time";
import { ErrorLine } from "../../parts/error_line";
import { MachinePicker } from "../../parts/machine_picker";
import { Value } from "../../parts/small";
import { TimeRange } from "../../parts/time_range";
import { queryList, queryNumber, queryText, setQuery } from "../../shell/router";
import type { Field } from "./field";
import type { ValueDot } from "./work_layer";
import type { Coverage } from "./coverage";
import { type Work, loadWork } from "./work_data";
import { type Sample, type ShownValue, class_colors, classEnds, classOf, harvestOf, shown_values } from "./yield";

const day_ms = 86_400_000;

export interface OnMap {
  coverage: Coverage | null;
  dots: ValueDot[];
}

function Legend({ value, ends }: { value: ShownValue; ends: readonly number[] }) {
  const { title, unit } = shown_values[value];
  const at = (i: number) => number(ends[i], 1);
  const texts = [...ends.map((_, i) => i === 0 ? `below ${at(i)}` : `${at(i - 1)} to ${at(i)}`),
    ends.length === 0 ? "all" : `${at(ends.length - 1)} and more`];
  return (
    <ul class="value-legend" aria-label={`${title} in ${unit}`}>
      {texts.map((text, i) => (
        <li key={text}>
          <span class="chip-mark" style={{ background: class_colors[i] }} aria-hidden="true" /> {text} {unit}
        </li>
      ))}
    </ul>
  );
}

function dotsOf(samples: readonly Sample[], value: ShownValue): { dots: ValueDot[]; ends: number[] } {
  const of = shown_values[value].of;
  const valued = samples.flatMap((one) => {
    const shown = of(one);
    return shown === null ? [] : [{ one, shown }];
  });
  const ends = classEnds(valued.map((one) => one.shown));
  return { ends, dots: valued.map(({ one, shown }) => ({ latitude: one.latitude, longitude: one.longitude,
    color: class_colors[classOf(shown, ends)] ?? class_colors[0] })) };
}

function Results({ work, field }: { work: Work; field: Field }) {
  const { coverage } = work;
  const samples = work.samples.flat();
  const harvests = work.samples.map(harvestOf);
  const harvest = { areaM2: harvests.reduce((sum, one) => sum + one.areaM2, 0),
    massKg: harvests.reduce((sum, one) => sum + one.massKg, 0) };
  if (work.rows === 0 && samples.length === 0)
    return <p role="status">No data in this range: none of these machines worked in the field then.</p>;
  const yieldTpha = harvest.areaM2 > 0 ? (harvest.massKg / harvest.areaM2) * 10 : null;
  const part = work.rows > 0 && coverage.fieldM2 > 0 ? (coverage.workedM2 / coverage.fieldM2) * 100 : null;
  return (
    <>
      <dl class="field-facts">
        <dt>Worked area</dt>
        <dd><Value value={part === null ? null : (part / 100) * field.area_m2 / 10_000} unit="ha" digits={2} />
          {part !== null && <> ({number(part, 0)} % of the field)</>}</dd>
        <dt>Overlap</dt>
        <dd><Value value={part === null ? null : coverage.overlapM2 / 10_000} unit="ha" digits={2} /></dd>
        <dt>Working time</dt><dd>{work.rows > 0 ? duration(work.workingMs) : absent}</dd>
        {samples.length > 0 && <>
          <dt>Yield</dt>
          <dd><Value value={yieldTpha} unit="t/ha" digits={2} /> from {number(samples.length)} samples</dd>
          <dt>Harvested</dt><dd><Value value={harvest.massKg / 1000} unit="t" digits={1} /></dd>
        </>}
      </dl>
      <p class="quiet">The page computes these from positions once a second and {work.bySection.length > 0
        ? `the section states of ${work.bySection.join(", ")}` : "the given width: no section states are stored"}.
        {work.cut && " There is more data than the page loads: choose a shorter range."}</p>
    </>
  );
}

export function FieldWork({ field, onMap }: { field: Field; onMap: (shown: OnMap) => void }) {
  const [start] = useState(() => Math.floor(nodeNow() / 60_000) * 60_000);
  const machines = queryList("machines");
  const from = parseTime(queryText("from")) ?? start - day_ms;
  const to = parseTime(queryText("to")) ?? start;
  const widthM = queryNumber("width", 6);
  const asked = queryText("value", "yield");
  const value: ShownValue = asked in shown_values ? asked as ShownValue : "yield";
  const [work, setWork] = useState<Work | null>(null);
  const [said, setSaid] = useState("");
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const key = JSON.stringify([field.name, field.version, machines, from, to, widthM]);

  useEffect(() => {
    const asking = new AbortController();
    setWork(null);
    setProblem(null);
    if (machines.length === 0 || !(widthM > 0 && widthM <= 60))
      return undefined;
    setSaid("Loading…");
    const timer = setTimeout(() => {
      loadWork({ machines, widthM, boundary: field.boundary, box: field.box_deg, from: new Date(from).toISOString(),
        to: new Date(to).toISOString() }, asking.signal, setSaid)
        .then(setWork, (error: unknown) => { if (!isAbort(error)) setProblem(toProblem(error)); });
    }, 300); // of typing
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  }, [key]);

  const { dots, ends } = useMemo(() => dotsOf(work?.samples.flat() ?? [], value), [work, value]);
  useEffect(() => onMap({ coverage: work?.coverage ?? null, dots }), [work, dots]);
  useEffect(() => () => onMap({ coverage: null, dots: [] }), []);

  return (
    <section class="field-work" aria-label="Work in this field">
      <h3>Work in this field</h3>
      <MachinePicker label="Machines that worked here" chosen={machines}
        onChange={(names) => setQuery({ machines: names.join(",") })} />
      <TimeRange from={from} to={to} onChange={(range) => setQuery({ ...range })} />
      <div class="row">
        <label>Width of the implement, m
          <input type="number" min={0.5} max={60} step={0.5} value={widthM} style={{ width: "90px" }}
            onChange={(event) => setQuery({ width: event.currentTarget.value })} />
        </label>
      </div>
      <ErrorLine problem={problem} />
      {machines.length === 0 ? <p class="quiet">Choose machines to see what they worked and harvested here.</p>
        : !work && !problem ? <p role="status">{said}</p> : work && <Results work={work} field={field} />}
      {dots.length > 0 && <>
        <label>Dots show
          <select value={value} onChange={(event) => setQuery({ value: event.currentTarget.value })}>
            {Object.entries(shown_values).map(([id, one]) => <option key={id} value={id}>{one.title}</option>)}
          </select>
        </label>
        <Legend value={value} ends={ends} />
      </>}
    </section>
  );
}
