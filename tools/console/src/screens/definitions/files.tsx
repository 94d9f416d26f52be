/// The DBC files of the farm, of its machines and of all: load, look into, go back to an older one.
import { useMemo, useState } from "preact/hooks";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count } from "../../format/number";
import { Command } from "../../parts/command";
import { type Column, DataTable } from "../../parts/data_table";
import { ErrorLine } from "../../parts/error_line";
import { Badge, Loading, SearchBox, Time } from "../../parts/small";
import { queryText, setQuery } from "../../shell/router";
import { mayManage } from "../../shell/session";
import type { DbcFile } from "./content";
import { FilePanel } from "./file_panel";
import { LoadDialog } from "./load_dialog";

const columns: Column<DbcFile>[] = [
  { id: "name", title: "File", sort: (one) => one.name, cell: (one) => one.name },
  { id: "for", title: "For", sort: (one) => one.for, cell: (one) => one.for },
  { id: "active", title: "State", sort: (one) => one.active ? 0 : 1,
    cell: (one) => one.active ? <Badge tone="good">active</Badge> : <Badge>not active</Badge> },
  { id: "version", title: "SQL version", extra: true, numeric: true, sort: (one) => one.version,
    cell: (one) => one.version ?? "–" },
  { id: "encoding", title: "Encoding", extra: true, sort: (one) => one.encoding, cell: (one) => one.encoding },
  { id: "loaded", title: "Loaded", sort: (one) => one.loaded, cell: (one) => <Time time={one.loaded} /> },
  { id: "id", title: "Number", extra: true, numeric: true, sort: (one) => one.id, cell: (one) => one.id },
];

export function Files() {
  const { value, problem, loading, reload } = usePoll((signal) => get("/api/v1/dbc", { signal }), 10_000);
  const [opened, setOpened] = useState<{ file: File | null } | null>(null);
  const [over, setOver] = useState(false);
  const wanted = queryText("q").toLowerCase();
  const all = value?.dbc ?? [];
  const rows = useMemo(() => all.filter((one) => `${one.name} ${one.for}`.toLowerCase().includes(wanted)),
    [value, wanted]);
  const shown = all.find((one) => String(one.id) === queryText("file"));
  const loads = mayManage();
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (file)
      setOpened({ file });
  };
  const drag = (event: DragEvent) => {
    event.preventDefault();
    setOver(event.type === "dragover");
  };
  const drops = loads ? { onDrop: drop, onDragOver: drag, onDragLeave: drag } : {};
  return (
    <div class={over ? "drop drop-over" : "drop"} {...drops}>
      <p>Furrow knows the messages of tractors and implements: that is its catalogue. A DBC file of your own adds
        signals for one machine, for a farm, or for all. A machine's own files come before those of its farm, these
        before those for all, and the catalogue comes last.</p>
      <div class="row">
        <SearchBox label="Search files" value={queryText("q")} onChange={(q) => setQuery({ q })} />
        <span class="quiet">{value ? count(rows.length, "file") : ""}</span>
        {loads && <button type="button" class="primary" onClick={() => setOpened({ file: null })}>
          Load a DBC file…</button>}
        {loads && <span class="quiet">or drop one here</span>}
      </div>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && <DataTable label="DBC files" columns={columns} rows={rows} rowKey={(one) => String(one.id)}
        sortKey="sort" defaultSort="name" selected={queryText("file")}
        onOpen={(one) => setQuery({ file: one.id, signal: null }, true)}
        empty={all.length === 0 ? "No DBC file is loaded. The catalogue decodes without one."
          : "No file has this name."} />}
      {shown && <FilePanel key={shown.id} file={shown} all={all} onChanged={reload} />}
      {value && !shown && queryText("file") !== "" && <p class="quiet">The file {queryText("file")} is not there.</p>}
      <details>
        <summary>On the command line</summary>
        <p>Check a file before it is loaded, or decode a log with it without a node:</p>
        <Command text="furrow dbc check implement.dbc --strict" />
        <Command text="furrow decode tractor.log --dbc implement.dbc --catalogue" />
      </details>
      {opened && <LoadDialog dropped={opened.file} machine={queryText("machine")} onClose={() => setOpened(null)}
        onLoaded={(file) => {
          setOpened(null);
          reload();
          setQuery({ file: file.id, signal: null });
        }} />}
    </div>
  );
}
