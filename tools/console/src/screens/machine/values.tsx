/// All values of a machine, grouped by kind, with age and source.
import { useState } from "preact/hooks";
import { number } from "../../format/number";
import { absent } from "../../format/time";
import type { Machine, Value as Known } from "../../live/reducer";
import { plainValue, shownNumber, shownUnit } from "../../live/values";
import { Age, SearchBox, Value } from "../../parts/small";
import type { Stored } from "./head";
import { kindOf, kinds, own_kind, quantities, titleOf } from "./quantities";

const own_rows_max = 300;

interface Row {
  id: string;
  title: string;
  value: number | string | boolean | null;
  unit: string | null;
  time: string | null;
  source: string;
  pgn: number | null;
}

/// "engine (0)", by the ECU that has the address now.
export function sourceWords(of: { bus: number | null; source: number | null }, ecus: Stored["ecus"]): string {
  if (of.source === null)
    return absent;
  const ecu = ecus?.find((one) => one.address === of.source && one.bus === of.bus);
  return ecu ? `${ecu.function_word ?? `function ${ecu.function}`} (${of.source})` : String(of.source);
}

/// The stream sends an unchanged value only every 10 s; the last poll may have seen it later.
function latest(key: string, live: string, stored: Stored | undefined): string {
  const polled = (stored?.state as Record<string, { time: string | null } | null> | null | undefined)?.[key]
    ?.time ?? "";
  return polled > live ? polled : live;
}

function liveRow(id: string, of: Known, stored: Stored | undefined): Row {
  const value = plainValue(of);
  return { id, title: titleOf(id), value: typeof value === "number" ? shownNumber(value, of.unit) : value,
    unit: shownUnit(of.unit), time: latest(id, of.time, stored),
    source: sourceWords(of, stored?.ecus ?? null), pgn: of.pgn };
}

function groupsOf(machine: Machine | undefined, stored: Stored | undefined): [string, Row[]][] {
  const order = new Map(quantities.map((one, i) => [one.key, i]));
  const keys = Object.keys(machine?.values ?? {}).sort((a, b) => (order.get(a) ?? 999) - (order.get(b) ?? 999));
  const groups = new Map<string, Row[]>(kinds.map((kind) => [kind, []]));
  for (const key of keys) {
    const value = machine?.values[key];
    if (value)
      groups.get(kindOf(key))?.push(liveRow(key, value, stored));
  }
  groups.set(own_kind, (stored?.own_signals ?? []).map((one) => ({ id: one.name, title: one.name,
    value: one.state === "value" ? one.label ?? one.value : one.state.replaceAll("_", " "), unit: one.unit,
    time: one.time, source: absent, pgn: null })));
  return [...groups];
}

export interface ValuesProps {
  machine: Machine | undefined;
  stored: Stored | undefined;
  chosen: readonly string[];
  onChoose: (id: string, chosen: boolean) => void;
}

export function Values({ machine, stored, chosen, onChoose }: ValuesProps) {
  const [wanted, setWanted] = useState("");
  const fits = (row: Row) => `${row.title} ${row.id} ${row.source} ${row.pgn ?? ""}`.toLowerCase()
    .includes(wanted.toLowerCase());
  const groups = groupsOf(machine, stored).map(([kind, rows]): [string, Row[]] => [kind, rows.filter(fits)])
    .filter(([, rows]) => rows.length > 0);
  return (
    <div>
      <div class="screen-head">
        <h2>Values</h2>
        <SearchBox label="Filter values" value={wanted} onChange={setWanted} />
      </div>
      <div class="table-box values-box" role="region" aria-label="Values" tabIndex={0}>
        <table class="compact">
          <thead>
            <tr>
              <th scope="col">Chart</th><th scope="col">Value</th><th scope="col" class="numeric">Now</th>
              <th scope="col">Age</th>
              <th scope="col">Source</th><th scope="col" class="numeric">PGN</th>
            </tr>
          </thead>
          {groups.map(([kind, rows]) => (
            <tbody key={kind}>
              <tr><th scope="rowgroup" colSpan={6} class="group">{kind}
                {rows.length > own_rows_max
                  && <span class="quiet"> {own_rows_max} of {number(rows.length)} shown</span>}
              </th></tr>
              {rows.slice(0, own_rows_max).map((row) => (
                <tr key={row.id}>
                  <td>{row.id !== "mode" && typeof row.value !== "string" && (
                    <label class="tick"><input type="checkbox" aria-label={`Chart ${row.title}`}
                      checked={chosen.includes(row.id)}
                      onChange={(event) => onChoose(row.id, event.currentTarget.checked)} /></label>)}
                  </td>
                  <td title={row.id}>{row.title}</td>
                  <td class="numeric"><Value value={row.value} unit={row.unit} /></td>
                  <td><Age time={row.time} /></td>
                  <td>{row.source}</td>
                  <td class="numeric">{row.pgn ?? absent}</td>
                </tr>
              ))}
            </tbody>
          ))}
        </table>
        {groups.length === 0 && <p class="empty">{wanted === "" ? "No value is known." : "No value matches."}</p>}
      </div>
    </div>
  );
}
