import { get } from "../api/client";
import { usePoll } from "../api/poll";
import type { Schema } from "../api/types";
import { count, number } from "../format/number";
import { type Column, DataTable } from "../parts/data_table";
import { ErrorLine } from "../parts/error_line";
import { Screen } from "../parts/screen";
import { Badge, Loading } from "../parts/small";
import { href } from "../shell/router";

type Row = Schema<"ledger">;

/// What is wrong with a stream in words; empty: each frame is there once, or is on its way.
export function complaints(row: Row): string[] {
  const said: string[] = [];
  if (row.lost > 0)
    said.push(`${count(row.lost, "frame")} lost`);
  if (row.doubled > 0)
    said.push(`${count(row.doubled, "frame")} doubled`);
  if (row.lost_at_gateway > 0)
    said.push(`${number(row.lost_at_gateway)} lost in a damaged spool`);
  if (row.quarantined > 0)
    said.push(`${number(row.quarantined)} in quarantine`);
  if (row.dropped > 0)
    said.push(`${number(row.dropped)} dropped by a person`);
  return said;
}

const numeric = (id: keyof Row & string, title: string): Column<Row> =>
  ({ id, title, numeric: true, sort: (row) => row[id], cell: (row) => number(row[id]) });

const columns: Column<Row>[] = [
  { id: "equipment", title: "Machine", sort: (row) => row.equipment,
    cell: (row) => <a href={href("machine", { name: row.equipment })}>{row.equipment}</a> },
  numeric("sent", "Sent"), numeric("durable", "Durable"), numeric("stored", "Stored"), numeric("lost", "Lost"),
  numeric("doubled", "Doubled"), numeric("quarantined", "Quarantined"),
  { id: "state", title: "State", sort: (row) => -complaints(row).length,
    cell: (row) => {
      const said = complaints(row);
      return said.length === 0 ? <Badge tone="good">complete</Badge> : <Badge tone="bad">{said.join(", ")}</Badge>;
    } },
  { id: "stream", title: "Stream", cell: (row) => <code title={row.stream_id}>{row.stream_id.slice(0, 8)}</code> },
];

function Verdict({ rows }: { rows: Row[] }) {
  const wrong = rows.filter((row) => complaints(row).length > 0);
  const sum = (of: (row: Row) => number) => rows.reduce((all, row) => all + of(row), 0);
  if (wrong.length === 0)
    return (
      <p class="verdict verdict-good" role="status">
        Nothing is lost, nothing is doubled: {number(sum((row) => row.stored))} frames are stored.
      </p>
    );
  return (
    <p class="verdict verdict-bad" role="status">
      {count(wrong.length, "stream")} of {number(rows.length)} {wrong.length === 1 ? "is" : "are"} not complete:{" "}
      {wrong.slice(0, 3).map((row) => `${row.equipment}: ${complaints(row).join(", ")}`).join("; ")}
      {wrong.length > 3 ? "…" : "."}
    </p>
  );
}

export function Ledger() {
  const { value, problem, loading } = usePoll((signal) => get("/api/v1/ledger", { signal }), 3000);
  return (
    <Screen title="Ledger">
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && value.ledger.length > 0 && <Verdict rows={value.ledger} />}
      {value && <DataTable label="Streams" columns={columns} rows={value.ledger} rowKey={(row) => row.stream_id}
        sortKey="sort" defaultSort="equipment" empty="No machine has sent anything yet." />}
    </Screen>
  );
}
