/// The main values, large.
import { number, unitText } from "../../format/number";
import { absent, age, parseTime } from "../../format/time";
import { nodeNow } from "../../format/clock";
import type { Machine } from "../../live/reducer";
import { shownNumber, shownUnit } from "../../live/values";
import { type GaugeRange, gauges, titleOf } from "./quantities";

const old_ms = 20_000; // the stream sends an unchanged value again after 10 s

function Gauge({ machine, range }: { machine: Machine; range: GaugeRange }) {
  const of = machine.values[range.key];
  if (!of || typeof of.value !== "number")
    return null;
  const [value, unit] = [shownNumber(of.value, of.unit), shownUnit(of.unit)];
  const at = parseTime(of.time);
  const old = at === null || nodeNow() - at > old_ms;
  const part = Math.max(0, Math.min(1, (value - range.min) / (range.max - range.min)));
  const title = titleOf(range.key);
  const text = number(value, Math.abs(value) < 100 ? 1 : 0);
  return (
    <div class={old ? "gauge gauge-old" : "gauge"} title={age(at, nodeNow())}>
      <div class="gauge-title">{title}</div>
      <div class="gauge-value">{text}<span class="unit"> {unitText(unit)}</span></div>
      <div class="gauge-bar" role="meter" aria-label={title} aria-valuemin={range.min} aria-valuemax={range.max}
        aria-valuenow={Math.max(range.min, Math.min(range.max, value))} aria-valuetext={`${text} ${unit ?? ""}`}>
        <div style={{ width: `${(part * 100).toFixed(1)}%` }} />
      </div>
    </div>
  );
}

export function Gauges({ machine }: { machine: Machine | undefined }) {
  if (!machine || !gauges.some(({ key }) => typeof machine.values[key]?.value === "number"))
    return <p class="quiet">No value of this machine is known: {absent}</p>;
  return (
    <section class="gauges" aria-label="Main values">
      {gauges.map((one) => <Gauge key={one.key} machine={machine} range={one} />)}
    </section>
  );
}
