/// Signal definitions: what a machine's frames decode to now, and how to load a DBC file on the command line.
import { useMemo } from "preact/hooks";
import { farm, get } from "../api/client";
import { usePoll } from "../api/poll";
import type { Schema } from "../api/types";
import { count, unitText } from "../format/number";
import { fleet } from "../live/live";
import { usePaced } from "../live/store";
import { Command } from "../parts/command";
import { type Column, DataTable } from "../parts/data_table";
import { ErrorLine } from "../parts/error_line";
import { Screen } from "../parts/screen";
import { Age, Loading, SearchBox, Value } from "../parts/small";
import { queryText, setQuery } from "../shell/router";

type Signal = Schema<"signal">;

const columns: Column<Signal>[] = [
  { id: "name", title: "Signal", sort: (one) => one.name, cell: (one) => <code>{one.name}</code> },
  { id: "title", title: "Title", sort: (one) => one.title, cell: (one) => one.title ?? "–" },
  { id: "unit", title: "Unit", sort: (one) => one.unit, cell: (one) => unitText(one.unit) || "–" },
  { id: "last", title: "Last value", numeric: true, sort: (one) => one.last,
    cell: (one) => <Value value={one.last} unit={one.unit} /> },
  { id: "time", title: "Last seen", sort: (one) => one.last_time, cell: (one) => <Age time={one.last_time} /> },
];

function Signals({ machine }: { machine: string }) {
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

function CommandLine({ machine }: { machine: string }) {
  const of = farm.value || "default";
  return (
    <>
      <p>Furrow knows the messages of tractors and implements: that is its catalogue. A DBC file of your own adds
        signals for one machine, for a farm, or for all. The node has no
        route for DBC files yet, so they are loaded with the command <code>furrow dbc</code>. URL is the database of the node, <code>postgresql://…</code> or{" "}
        <code>sqlite:PATH</code>.</p>
      <ol class="steps">
        <li>Check the file. The command lists every problem with its line:
          <Command text="furrow dbc check implement.dbc --strict" /></li>
        <li>Load the file{machine === "" ? ` for the farm ${of}` : ` for the machine ${machine}`}. Nodes decode with it
          within seconds, for frames from then on:
          <Command text={`furrow dbc load implement.dbc --for ${forText(of, machine)} --database URL`} /></li>
        <li>See which files are loaded and active, and compare one with a new file:
          <Command text="furrow dbc list --database URL" />
          <Command text="furrow dbc diff 3 implement.dbc --database URL" /></li>
        <li>Go back to an older file, or remove one. Rollups that were made with it stay:
          <Command text="furrow dbc activate 3 --database URL" />
          <Command text="furrow dbc remove 4 --database URL" /></li>
        <li>Decode a log with a file and the catalogue, without a node:
          <Command text="furrow decode tractor.log --dbc implement.dbc --catalogue" /></li>
      </ol>
      <p class="quiet">A machine's own files come before those of its farm, these before those for all, and the
        catalogue comes last. The audit log shows who loaded, activated and removed files.</p>
    </>
  );
}

/// A word of a POSIX shell.
export const shellWord = (text: string): string =>
  /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
export const forText = (ofFarm: string, machine: string): string =>
  shellWord(machine === "" ? ofFarm : `${ofFarm}/${machine}`);

export function Definitions() {
  const version = usePaced(fleet.changes, 2000);
  const machine = queryText("machine");
  const names = useMemo(() => {
    const known = [...fleet.machines.keys()];
    if (machine !== "" && !known.includes(machine))
      known.push(machine);
    return known.sort(new Intl.Collator("en", { numeric: true }).compare);
  }, [version, machine]);
  const choice = (
    <label>Machine
      <input list="definitions-machines" defaultValue={machine} key={machine} autocomplete="off" placeholder="any"
        onChange={(event) => setQuery({ machine: event.currentTarget.value.trim() })} />
      <datalist id="definitions-machines">{names.map((one) => <option key={one} value={one} />)}</datalist>
    </label>
  );
  return (
    <Screen title="Definitions" actions={choice}>
      <h2>{machine === "" ? "Decoded signals" : `Decoded signals of ${machine}`}</h2>
      {machine === ""
        ? <p>Choose a machine to see what its frames decode to, with the catalogue and the loaded files.</p>
        : <div class="half"><Signals machine={machine} /></div>}
      <h2>DBC files</h2>
      <CommandLine machine={machine} />
    </Screen>
  );
}
