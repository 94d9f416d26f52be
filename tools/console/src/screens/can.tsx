import { useMemo, useState } from "preact/hooks";
import { clock } from "../format/clock";
import { count } from "../format/number";
import { ErrorLine } from "../parts/error_line";
import { MachinePicker } from "../parts/machine_picker";
import { Screen } from "../parts/screen";
import { Badge, SearchBox } from "../parts/small";
import { go, href, queryText, setQuery } from "../shell/router";
import type { ScreenProps } from "../shell/screens";
import { CopyButton } from "./can/copy_button";
import { readFilter } from "./can/filter";
import type { CanFrame } from "./can/frame";
import { IdTable } from "./can/id_table";
import { useLiveTrace } from "./can/live_trace";
import { SelectedId } from "./can/selected_id";
import { StoredFrames } from "./can/stored";
import { Trail } from "./can/trail";

const views = { table: "Identifiers", trail: "Trail", stored: "Older frames" } as const;

function Views({ view }: { view: string }) {
  return (
    <div class="tabs" role="group" aria-label="View">
      {Object.entries(views).map(([id, title]) => (
        <button key={id} type="button" aria-pressed={view === id}
          onClick={() => setQuery({ view: id === "table" ? null : id })}>
          {title}
        </button>
      ))}
    </div>
  );
}

function LiveFrames({ machine, view }: { machine: string; view: string }) {
  void clock.value;
  const [frozenAt, setFrozenAt] = useState<number | null>(null);
  const [selected, setSelected] = useState<ReadonlySet<CanFrame>>(new Set());
  const frames = queryText("frames", "all");
  const q = queryText("q");
  const fits = useMemo(() => readFilter(q), [q]);
  const { trace, now, state, problem, clear } = useLiveTrace(machine, frames, frozenAt !== null);
  const rows = [...trace.rows.values()].filter((row) => fits(row.last));
  const lines = view === "trail" ? trace.newest(fits) : [];
  const id = queryText("id");
  const open = trace.rows.get(id);
  return (
    <>
      <div class="row">
        <SearchBox label="Filter frames" placeholder="18FEF1 pgn:65265 src:0" value={q}
          onChange={(text) => setQuery({ q: text })} />
        <button type="button" aria-pressed={frozenAt !== null}
          onClick={() => setFrozenAt(frozenAt === null ? now : null)}>{frozenAt === null ? "Freeze" : "Go on"}</button>
        <button type="button" onClick={() => { clear(); setSelected(new Set()); }}>Clear</button>
        {view === "trail" && <CopyButton frames={lines} selected={selected} />}
        {frames !== "all" && (
          <button type="button" onClick={() => setQuery({ frames: null })}>Show all identifiers again</button>
        )}
        <span role="status">
          {frozenAt !== null ? <Badge tone="warn">frozen</Badge>
            : <Badge tone={state === "live" ? "good" : "warn"}>{state === "live" ? "live" : `${state}…`}</Badge>}
        </span>
        <span class="quiet">{count(trace.count, "frame")}{frames !== "all" && ` of ${frames}`}</span>
        {trace.dropped > 0 && (
          <Badge tone="bad">{count(trace.dropped, "frame")} dropped: they came too fast for this page</Badge>
        )}
        {trace.idsLeftOut > 0 && (
          <Badge tone="bad">{count(trace.idsLeftOut, "frame")} of further identifiers not shown</Badge>
        )}
      </div>
      <ErrorLine problem={problem} />
      {view === "table"
        ? <IdTable rows={rows} now={now} selected={id}
            onSelect={(row) => setQuery({ id: row.key === id ? null : row.key })} />
        : <div class="trail">
            <Trail label="Newest frames first" frames={lines} selected={selected} onSelect={setSelected} />
          </div>}
      {open && <SelectedId machine={machine} row={open} now={now} />}
    </>
  );
}

export function Can({ name }: ScreenProps) {
  const asked = queryText("view", "table");
  const view = asked in views ? asked : "table";
  if (name === "")
    return (
      <Screen title="CAN">
        <p>Choose the machine whose bus you want to see.</p>
        <MachinePicker label="Machine" chosen={[]} max={1} onChange={(names) => go("can", { name: names[0] ?? "" })} />
      </Screen>
    );
  const actions = (
    <>
      <Views view={view} />
      <a href={href("machine", { name })}>Machine</a>
    </>
  );
  return (
    <Screen title={`CAN ${name}`} full actions={actions}>
      {view === "stored" ? <StoredFrames machine={name} /> : <LiveFrames machine={name} view={view} />}
    </Screen>
  );
}
