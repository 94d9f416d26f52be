import { useMemo } from "preact/hooks";
import { get } from "../api/client";
import { usePoll } from "../api/poll";
import { number } from "../format/number";
import { type Column, DataTable } from "../parts/data_table";
import { ErrorLine } from "../parts/error_line";
import { Screen } from "../parts/screen";
import { Badge, Loading, SearchBox } from "../parts/small";
import { href, queryText, setQuery } from "../shell/router";
import { type LedgerRow, complaints, judge, onTheWay } from "./ledger/verdict";

type CountKey = { [K in keyof LedgerRow]: LedgerRow[K] extends number ? K : never }[keyof LedgerRow];

const numeric = (id: CountKey, title: string, extra = false): Column<LedgerRow> =>
  ({ id, title, extra, numeric: true, sort: (row) => row[id], cell: (row) => number(row[id]) });

function State({ row }: { row: LedgerRow }) {
  const said = complaints(row);
  const waiting = onTheWay(row);
  if (said.length > 0)
    return <Badge tone="bad">{said.join(", ")}</Badge>;
  return waiting > 0 ? <Badge tone="info">{number(waiting)} on the way</Badge> : <Badge tone="good">complete</Badge>;
}

const columns: Column<LedgerRow>[] = [
  { id: "equipment", title: "Machine", sort: (row) => row.equipment,
    cell: (row) => <a href={href("machine", { name: row.equipment })}>{row.equipment}</a> },
  { id: "state", title: "State", sort: (row) => -complaints(row).length * 1e15 - onTheWay(row),
    cell: (row) => <State row={row} /> },
  numeric("sent", "Sent"), numeric("durable", "Durable"), numeric("stored", "Stored"), numeric("lost", "Lost"),
  numeric("doubled", "Doubled"), numeric("quarantined", "Quarantined", true), numeric("dropped", "Dropped", true),
  numeric("lost_at_gateway", "Damaged spool", true), numeric("expired", "Expired", true),
  { id: "stream", title: "Stream", extra: true,
    cell: (row) => <code title={row.stream_id}>{row.stream_id.slice(0, 8)}</code> },
];

const tones = { complete: "good", waiting: "info", gap: "bad" };

export function Ledger() {
  const { value, problem, loading } = usePoll((signal) => get("/api/v1/ledger", { signal }), 2000);
  const onlyGaps = queryText("gap") !== "";
  const wanted = queryText("q").toLowerCase();
  const all = value?.ledger ?? [];
  const verdict = useMemo(() => judge(all), [value]);
  const rows = useMemo(() => all.filter((row) => row.equipment.toLowerCase().includes(wanted)
    && (!onlyGaps || complaints(row).length > 0 || onTheWay(row) > 0)), [value, wanted, onlyGaps]);
  return (
    <Screen title="Ledger" full actions={
      <>
        <label><input type="checkbox" checked={onlyGaps}
          onChange={(event) => setQuery({ gap: event.currentTarget.checked ? 1 : null })} />Only with a gap</label>
        <SearchBox label="Search machines" value={queryText("q")} onChange={(q) => setQuery({ q })} />
        <span class="quiet">{value ? `${number(rows.length)} of ${number(all.length)}` : ""}</span>
      </>}>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {all.length > 0 && <p class={`verdict verdict-${tones[verdict.kind]}`}>{verdict.text}
        {all.some((row) => row.quarantined > 0)
          && <> <a href={href("system", { query: { tab: "quarantine" } })}>Open the quarantine</a></>}</p>}
      {value && <DataTable label="Streams" columns={columns} rows={rows} rowKey={(row) => row.stream_id}
        sortKey="sort" defaultSort="equipment" empty={all.length === 0 ? "No machine has sent anything yet."
          : onlyGaps ? "No stream has a gap." : "No machine has this name."} />}
    </Screen>
  );
}
