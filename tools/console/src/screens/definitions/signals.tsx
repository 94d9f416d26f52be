/// What the frames of a machine decode to now, with the catalogue and the loaded files.
import { useMemo } from "preact/hooks";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { count, unitText } from "../../format/number";
import { fleet } from "../../live/live";
import { usePaced } from "../../live/store";
import { type Column, DataTable } from "../../parts/data_table";
import { ErrorLine } from "../../parts/error_line";
import { Age, Loading, SearchBox, Value } from "../../parts/small";
import { queryText, setQuery } from "../../shell/router";

type Signal = Schema<"signal">;

const columns: Column<Signal>[] = [
  { id: "name", title: "Signal", sort: (one) => one.name, cell: (one) => <code>{one.name}</code> },
  { id: "title", title: "Title", sort: (one) => one.title, cell: (one) => one.title ?? "–" },
  { id: "unit", title: "Unit", sort: (one) => one.unit, cell: (one) => unitText(one.unit) || "–" },
  { id: "last", title: "Last value", numeric: true, sort: (one) => one.last,
    cell: (one) => <Value value={one.last} unit={one.unit} /> },
  { id: "time", title: "Last seen", sort: (one) => one.last_time, cell: (one) => <Age time={one.last_time} /> },
];

/// The names of the machines in the live view, and the chosen one.
export function useMachineNames(chosen: string): string[] {
  const version = usePaced(fleet.changes, 2000);
  return useMemo(() => {
    const known = new Set(fleet.machines.keys());
    if (chosen !== "")
      known.add(chosen);
    return [...known].sort(new Intl.Collator("en", { numeric: true }).compare);
  }, [version, chosen]);
}

function Table({ machine }: { machine: string }) {
  const { value, problem, loading } = usePoll(
    (signal) => get("/api/v1/equipment/{name}/signals", { path: { name: machine }, signal }), 5000, machine);
  const wanted = queryText("q").toLowerCase();
  const rows = useMemo(() => (value?.signals ?? []).filter(
    (one) => `${one.name} ${one.title ?? ""}`.toLowerCase().includes(wanted)), [value, wanted]);
  return (
    <>
      <div class="row">
        <SearchBox label="Search signals" value={queryText("q")} onChange={(q) => setQuery({ q })} />
        <span class="quiet">{value ? count(rows.length, "signal") : ""}</span>
      </div>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && <DataTable label={`Signals of ${machine}`} columns={columns} rows={rows} rowKey={(one) => one.name}
        sortKey="sort" defaultSort="name"
        empty={value.signals.length === 0 ? "No frame of this machine has been decoded yet."
          : "No signal has this name."} />}
    </>
  );
}

export function DecodedSignals() {
  const machine = queryText("machine");
  const names = useMachineNames(machine);
  return (
    <>
      <div class="row">
        <label>Machine
          <input list="definitions-machines" defaultValue={machine} key={machine} autocomplete="off"
            onChange={(event) => setQuery({ machine: event.currentTarget.value.trim() })} />
          <datalist id="definitions-machines">{names.map((one) => <option key={one} value={one} />)}</datalist>
        </label>
      </div>
      {machine === ""
        ? <p>Choose a machine to see what its frames decode to, with the catalogue and the loaded files.</p>
        : <Table machine={machine} />}
    </>
  );
}
