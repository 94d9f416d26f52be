/// A row for each identifier: rate, last payload with its changed bytes, age.
import { nodeNow } from "../../format/clock";
import { number } from "../../format/number";
import { absent, duration } from "../../format/time";
import { type Column, DataTable } from "../../parts/data_table";
import { Value } from "../../parts/small";
import { bytesOf } from "./frame";
import { frameName } from "./names";
import { type IdRow, byteChangedAt, freshness, rateOf } from "./trace";

const old_ms = 10_000;
const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");

export function Payload({ row, now }: { row: IdRow; now: number }) {
  return (
    <code class="payload">
      {bytesOf(row.last.payload).map((byte, i) => (
        <span key={i} class={freshness(byteChangedAt(row, i), now)}>{hex(byte)}</span>
      ))}
    </code>
  );
}

const columnsAt = (now: number): Column<IdRow>[] => [
  { id: "id", title: "Identifier", sort: (row) => row.last.id, cell: (row) => <code>{row.last.id}</code> },
  { id: "name", title: "Name", sort: (row) => frameName(row.last) || null,
    cell: (row) => frameName(row.last) || absent },
  { id: "pgn", title: "PGN", extra: true, numeric: true, sort: (row) => row.last.pgn,
    cell: (row) => row.last.pgn ?? absent },
  { id: "source", title: "Source", numeric: true, sort: (row) => row.last.source,
    cell: ({ last: { source } }) => source === null ? absent : <code title={String(source)}>{hex(source)}</code> },
  { id: "payload", title: "Payload", cell: (row) => <Payload row={row} now={now} /> },
  { id: "rate", title: "Rate", numeric: true, sort: (row) => rateOf(row),
    cell: (row) => {
      const rate = rateOf(row);
      return rate === null ? absent : <Value value={rate} digits={1} unit="Hz" />;
    } },
  { id: "count", title: "Count", extra: true, numeric: true, sort: (row) => row.count,
    cell: (row) => number(row.count) },
  { id: "age", title: "Age", numeric: true, sort: (row) => -row.last.at,
    cell: (row) => {
      const old = nodeNow() - row.last.at;
      return <span class={old > old_ms ? "age age-old" : "age"} title={row.last.time}>{duration(old)}</span>;
    } },
  { id: "bus", title: "Bus", extra: true, sort: (row) => row.last.bus, cell: (row) => row.last.bus },
];

export interface IdTableProps {
  rows: IdRow[];
  now: number;
  selected: string;
  onSelect: (row: IdRow) => void;
}
export const IdTable = ({ rows, now, selected, onSelect }: IdTableProps) => (
  <DataTable label="Identifiers" columns={columnsAt(now)} rows={rows} rowKey={(row) => row.key} sortKey="sort"
    defaultSort="id" selected={selected} onOpen={onSelect} rowHeight={40}
    empty="No frame has come yet. The machine may be silent, or the filter fits none." />
);
