/// One DBC file: what it changes, its warnings, its messages and signals; activate, remove, download.
import { useMemo } from "preact/hooks";
import { address, del, get, post } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count, number } from "../../format/number";
import { absent } from "../../format/time";
import { useAsk } from "../../parts/ask";
import { type Column, DataTable } from "../../parts/data_table";
import { ErrorLine } from "../../parts/error_line";
import { Badge, Loading, SearchBox, Time } from "../../parts/small";
import { queryText, setQuery } from "../../shell/router";
import { may, mayManage } from "../../shell/session";
import {
  type DbcFile, type SignalRow, bitsText, comparedWith, fitsWords, formulaText, idText, rowsOf,
} from "./content";
import { Differences } from "./differences";

const warnings_max = 100;

const columns: Column<SignalRow>[] = [
  { id: "message", title: "Message", sort: (row) => row.message.name,
    cell: ({ message }) => <code title={message.comment ?? undefined}>{message.name}</code> },
  { id: "id", title: "Identifier", sort: (row) => row.message.id,
    cell: ({ message }) => <code title={message.pgn === null ? undefined : `PGN ${message.pgn}`}>
      {idText(message)}</code> },
  { id: "signal", title: "Signal", sort: (row) => row.signal?.name ?? null,
    cell: ({ signal }) => signal ? <code title={signal.comment ?? undefined}>{signal.name}</code> : absent },
  { id: "bits", title: "Bits", sort: (row) => row.signal?.start ?? null,
    cell: ({ signal }) => signal ? bitsText(signal) : absent },
  { id: "value", title: "Value", cell: ({ signal }) => signal ? formulaText(signal) : absent },
  { id: "spn", title: "SPN", numeric: true, sort: (row) => row.signal?.spn ?? null,
    cell: ({ signal }) => signal?.spn ?? absent },
];

function Content({ file }: { file: DbcFile }) {
  const { value, problem, loading } = usePoll(
    (signal) => get("/api/v1/dbc/{id}", { path: { id: file.id }, signal }), 0, file.id);
  const wanted = queryText("signal");
  const all = useMemo(() => rowsOf(value?.content.messages ?? []), [value]);
  const rows = useMemo(() => all.filter((row) => fitsWords(row, wanted)), [all, wanted]);
  const { warnings = [], warning_count = 0 } = value?.content ?? {};
  return (
    <>
      <ErrorLine problem={problem} />
      {loading && <Loading />}
      {warning_count > 0 && (
        <details open={warning_count <= 5}>
          <summary>{count(warning_count, "warning")}: statements that were repaired or skipped</summary>
          <ul>{warnings.slice(0, warnings_max).map((one, i) => (
            <li key={i}>Line {number(one.line, 0)}, column {number(one.column, 0)}: {one.text}</li>))}</ul>
          {warning_count > Math.min(warnings.length, warnings_max)
            && <p class="quiet">The command <code>furrow dbc check FILE --strict</code> lists all of them.</p>}
        </details>
      )}
      {value && (
        <>
          <div class="row">
            <h3>Messages and signals</h3>
            <SearchBox label="Search messages and signals" value={wanted}
              onChange={(signal) => setQuery({ signal })} />
            <span class="quiet">{count(value.content.messages.length, "message")},{" "}
              {count(rows.length, "row")} shown</span>
          </div>
          <div class="half">
            <DataTable label="Messages and signals" columns={columns} rows={rows} rowKey={(row) => row.key}
              defaultSort="message" empty="No message or signal has these words." />
          </div>
        </>
      )}
    </>
  );
}

export interface FilePanelProps {
  file: DbcFile;
  all: readonly DbcFile[];
  onChanged: () => void;
}

export function FilePanel({ file, all, onChanged }: FilePanelProps) {
  const ask = useAsk(onChanged);
  const other = comparedWith(file, all);
  const changes = file.farm === null ? may("admin", true) : mayManage();
  const activate = () => ask.open({
    title: `Activate ${file.name} again`, action: "Activate", done: `${file.name} of before is active again.`,
    text: <>
      <p>Nodes decode with this file within seconds, for frames from then on.{other
        && ` It replaces the active file of this name for ${file.for}.`} What is stored stays as it is.</p>
      {other && <><p>What changes:</p><Differences before={other.id} after={file.id} /></>}
    </>,
    run: () => post("/api/v1/dbc/{id}/activate", { path: { id: file.id } }),
  });
  const remove = () => ask.open({
    title: `Remove ${file.name}`, action: "Remove the file", done: `${file.name} is removed.`,
    text: `${file.active ? "Nodes stop to decode with this file within seconds; no other file takes its place. " : ""}`
      + "Rollups that were made with it stay. The file cannot be brought back, except by loading it again.",
    run: async () => {
      await del("/api/v1/dbc/{id}", { path: { id: file.id } });
      setQuery({ file: null, signal: null });
    },
  });
  return (
    <section class="card" aria-label={`File ${file.name}`}>
      <div class="screen-head">
        <h2>{file.name}</h2>
        <div class="actions">
          <a class="button" download={file.name} href={address("/api/v1/dbc/{id}/file", { path: { id: file.id } })}>
            Download</a>
          {changes && !file.active && <button type="button" onClick={activate}>Activate…</button>}
          {changes && <button type="button" class="danger" onClick={remove}>Remove…</button>}
          <button type="button" class="plain" aria-label="Close the file"
            onClick={() => setQuery({ file: null, signal: null })}>×</button>
        </div>
      </div>
      <p>{file.active ? <Badge tone="good">active</Badge> : <Badge>not active</Badge>} for {file.for}, loaded{" "}
        <Time time={file.loaded} /></p>
      {other && (
        <details open>
          <summary>{file.active ? `What this file has changed against file ${other.id}`
            : "What changes when this file is activated"}</summary>
          <Differences before={other.id} after={file.id} />
        </details>
      )}
      <Content key={file.id} file={file} />
      {ask.dialog}
    </section>
  );
}
