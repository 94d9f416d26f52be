/// What each machine did in the range, and where it stood.
import { number } from "../../format/number";
import { absent, duration, localTime, utcTime } from "../../format/time";
import { Value } from "../../parts/small";
import type { Loading } from "./load";
import { type Stop, type Totals } from "./track";

/// "12:03 h"
const hours = (ms: number): string => {
  const minutes = Math.round(ms / 60_000);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")} h`;
};

export interface Summary {
  loading: Loading;
  color: string;
  totals: Totals;
  stops: readonly Stop[];
}

function said({ loading }: Summary): string {
  if (loading.problem)
    return loading.problem.message;
  if (loading.done < 1)
    return `loading, ${Math.round(loading.done * 100)} %`;
  if (loading.track.length === 0)
    return "No data in this range.";
  const { everyMs } = loading.track;
  return everyMs > 1000 ? `a row each ${duration(everyMs)}; all rows in the hour of the cursor` : "";
}

function Line({ one }: { one: Summary }) {
  const { loading, color, totals, stops } = one;
  const text = said(one);
  const empty = loading.track.length === 0;
  const time = (ms: number) => <td class="numeric">{empty ? absent : hours(ms)}</td>;
  return (
    <>
      <tr>
        <th scope="row"><span class="chip-mark" style={{ background: color }} aria-hidden="true" /> {loading.name}</th>
        <td class="numeric"><Value value={totals.distanceM === null ? null : totals.distanceM / 1000} unit="km" /></td>
        {time(totals.ms.working)}{time(totals.ms.moving)}{time(totals.ms.idle)}
        <td class="numeric"><Value value={totals.fuelL} unit="L" digits={1} /></td>
        <td class="numeric">{empty ? absent : number(stops.length)}</td>
      </tr>
      {text !== "" && <tr><td colSpan={7} class={loading.problem ? "bad" : "quiet"}>{text}</td></tr>}
    </>
  );
}

export function TotalsTable({ all }: { all: readonly Summary[] }) {
  return (
    <div class="table-box totals" role="region" aria-label="Totals of the machines" tabIndex={0}>
      <table>
        <thead><tr><th scope="col">Machine</th><th scope="col" class="numeric">Distance</th>
          <th scope="col" class="numeric">Working</th><th scope="col" class="numeric">Transport</th>
          <th scope="col" class="numeric">Idle</th><th scope="col" class="numeric">Fuel</th>
          <th scope="col" class="numeric">Stops</th></tr></thead>
        <tbody>{all.map((one) => <Line key={one.loading.name} one={one} />)}</tbody>
      </table>
    </div>
  );
}

export function Stops({ all, onPick }: { all: readonly Summary[]; onPick: (stop: Stop) => void }) {
  const lines = all.flatMap((one) => one.stops.map((stop) => ({ stop, one })));
  lines.sort((a, b) => a.stop.from - b.stop.from);
  if (lines.length === 0)
    return <p class="quiet">No machine stood for longer than two minutes.</p>;
  return (
    <ul class="stops" aria-label="Stops" tabIndex={0}>
      {lines.slice(0, 500).map(({ stop, one }) => (
        <li key={`${one.loading.name} ${stop.from}`}>
          <button type="button" onClick={() => onPick(stop)} title={utcTime(stop.from)}>
            <span class="chip-mark" style={{ background: one.color }} aria-hidden="true" />
            {one.loading.name}, {localTime(stop.from, false)}, {duration(stop.to - stop.from)}
          </button>
        </li>
      ))}
      {lines.length > 500 && <li class="quiet">{number(lines.length - 500)} more stops</li>}
    </ul>
  );
}
