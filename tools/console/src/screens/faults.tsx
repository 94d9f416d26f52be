/// The faults of the whole fleet: active ones, the history, and what ECUs report as previous.
import { useMemo, useState } from "preact/hooks";
import { get } from "../api/client";
import { allPages } from "../api/paging";
import { usePoll } from "../api/poll";
import { count, number } from "../format/number";
import { fleet, useWatch } from "../live/live";
import { usePaced } from "../live/store";
import { lamps } from "../live/values";
import { type Column, DataTable } from "../parts/data_table";
import { ErrorLine } from "../parts/error_line";
import { Screen } from "../parts/screen";
import { Age, Badge, Loading, SearchBox, Time } from "../parts/small";
import { href, queryText, setQuery } from "../shell/router";
import { LampBadge, lamp_titles } from "./machine/bus";
import {
  type Filter, type Row, type State, fits, previousRows, readState, state_titles, states, storedRow, summaryOf,
} from "./faults/rows";

const rows_step = 1000;
const live_faults = { signals: ["none"], maxHz: 1 }; // the stream of the page has only their number

const columns: Column<Row>[] = [
  { id: "machine", title: "Machine", sort: (row) => row.machine,
    cell: (row) => <a href={href("machine", { name: row.machine })}>{row.machine}</a> },
  { id: "state", title: "State", sort: (row) => row.state,
    cell: (row) => <Badge tone={row.state === "active" ? "bad" : "quiet"}>{row.state}</Badge> },
  { id: "lamp", title: "Lamp", sort: (row) => lamps.indexOf(row.lamp), cell: (row) => <LampBadge lamp={row.lamp} /> },
  { id: "spn", title: "SPN", sort: (row) => row.spn,
    cell: (row) => <><button type="button" class="link" title={`Show only SPN ${row.spn}`}
      onClick={() => setQuery({ spn: row.spn })}>{row.spn}</button>
      {row.name && <span class="quiet"> {row.name}</span>}</> },
  { id: "fmi", title: "FMI", sort: (row) => row.fmi,
    cell: (row) => <>{row.fmi}{row.meaning && <span class="quiet"> {row.meaning}</span>}</> },
  { id: "source", title: "ECU", extra: true, numeric: true, sort: (row) => row.source,
    cell: (row) => <span title={`bus ${row.bus}, address ${row.source}`}>{row.source}</span> },
  { id: "count", title: "Count", numeric: true, sort: (row) => row.count,
    cell: (row) => <span title={row.appearances === null ? "" : `appeared ${count(row.appearances, "time")}`}>
      {number(row.count)}</span> },
  { id: "first", title: "First seen", extra: true, sort: (row) => row.first, cell: (row) => <Time time={row.first} /> },
  { id: "last", title: "Last seen", sort: (row) => row.cleared ?? row.last,
    cell: (row) => row.cleared ? <>cleared <Age time={row.cleared} alwaysPlain /></>
      : <Age time={row.last} alwaysPlain /> },
];

/// The same without what a reader does not need while all rows are alike.
const columnsFor = (state: State) => state === "history" ? columns : columns.filter((one) => one.id !== "state");

function useStored(state: State, machine: string, rowsMax: number) {
  // The name of a whole machine is asked of the node; a part of a name is filtered here.
  const whole = fleet.machines.has(machine) ? machine : null;
  return usePoll((signal) => state === "previous" ? Promise.resolve({ rows: [], more: false })
    : allPages(async (query) => {
      const page = await get("/api/v1/faults",
        { query: { equipment: whole, active: state === "active" ? "true" : null, ...query }, signal });
      return { rows: page.faults, next: page.next };
    }, rowsMax), state === "active" ? 5000 : 30_000, `${state} ${whole} ${rowsMax}`);
}

const empty_texts: Record<State, string> = {
  active: "No machine has an active fault.", history: "No fault is stored.",
  previous: "No ECU of a machine in the live view reports previous faults.",
};

export function Faults() {
  const state = readState(queryText("state"));
  const filter: Filter = { machine: queryText("machine"), spn: queryText("spn"), lamp: queryText("lamp") };
  const [rowsMax, setRowsMax] = useState(rows_step);
  const { value, problem, loading } = useStored(state, filter.machine, rowsMax);
  const live = useWatch(state === "previous" ? live_faults : null)?.fleet ?? null;
  const version = usePaced((live ?? fleet).changes, 2000);
  const all = useMemo(() => state === "previous" ? previousRows(live?.machines.values() ?? [])
    : (value?.rows ?? []).map(storedRow), [state, value, live, live ? version : 0]);
  const rows = useMemo(() => all.filter((row) => fits(row, filter)), [all, filter.machine, filter.spn, filter.lamp]);
  const { machines, lamps: counts } = useMemo(() => summaryOf(rows), [rows]);
  const filtered = filter.machine !== "" || filter.spn !== "" || filter.lamp !== "";
  const said = lamps.filter((one) => counts[one] > 0).map((one) => `${number(counts[one])} ${lamp_titles[one]}`);

  return (
    <Screen title="Faults" full>
      <div class="row">
        <div class="chips" role="group" aria-label="List of faults">
          {states.map((one) => (
            <button key={one} type="button" class={state === one ? "chip chosen" : "chip"} aria-pressed={state === one}
              onClick={() => setQuery({ state: one === "active" ? null : one })}>{state_titles[one]}</button>
          ))}
        </div>
        <SearchBox label="Machine" value={filter.machine} onChange={(machine) => setQuery({ machine })} />
        <label>SPN <input value={filter.spn} inputMode="numeric" size={8} autocomplete="off" placeholder="all"
          onInput={(event) => setQuery({ spn: event.currentTarget.value })} /></label>
        <label>Lamp
          <select value={filter.lamp} onChange={(event) => setQuery({ lamp: event.currentTarget.value })}>
            <option value="">all</option>
            {lamps.filter((one) => one !== "off").map((one) => (
              <option key={one} value={one}>{lamp_titles[one]}
                {one === "red" ? "" : " or more urgent"}</option>
            ))}
          </select>
        </label>
        {filtered && <button type="button" onClick={() => setQuery({ machine: null, spn: null, lamp: null })}>
          Clear the filters</button>}
      </div>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading ? <Loading /> : (
        <>
          <p class="quiet" role="status">
            {rows.length === 0 ? ""
              : `${count(rows.length, "fault")} of ${count(machines, "machine")}: ${said.join(", ")}. `}
            {state === "previous" && "Previous faults are shown for machines that are connected to this node. "}
            {value?.more && (
              <>
                The newest {number(value.rows.length)} are loaded
                {filtered ? ", and the filters apply to these" : ""}.{" "}
                <button type="button" onClick={() => setRowsMax(rowsMax + rows_step)}>Load more</button>
              </>
            )}
          </p>
          <DataTable label="Faults" columns={columnsFor(state)} rows={rows} rowKey={(row) => row.key} sortKey="sort"
            defaultSort="-last"
            empty={filtered && all.length > 0 ? "No fault matches the filters." : empty_texts[state]} />
        </>
      )}
    </Screen>
  );
}
