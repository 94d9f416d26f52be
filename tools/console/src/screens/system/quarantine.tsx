/// Items that could not be stored as what they are. Each is kept whole until it is stored or dropped.
import { useState } from "preact/hooks";
import { get, post } from "../../api/client";
import { allPages } from "../../api/paging";
import { usePoll } from "../../api/poll";
import { toProblem } from "../../api/problem";
import type { Schema } from "../../api/types";
import { bytes, count, number } from "../../format/number";
import { useAsk } from "../../parts/ask";
import { type Column, DataTable } from "../../parts/data_table";
import { Dialog } from "../../parts/dialog";
import { ErrorLine } from "../../parts/error_line";
import { Loading, SearchBox, Time } from "../../parts/small";
import { queryText, setQuery } from "../../shell/router";
import { may, mayManage } from "../../shell/session";
import { say, sayProblem } from "../../shell/toast";

type Item = Schema<"quarantined">;

const no_record = "32765"; // kind of a line that a gateway could not read
export const kindText = (kind: string | null): string =>
  kind === null ? "frame" : kind === no_record ? "line that is no record" : kind;

/// Hexadecimal text as lines of 16 bytes: offset, bytes, and what is printable of them.
export function dump(hex: string): string {
  const lines: string[] = [];
  for (let at = 0; at < hex.length; at += 32) {
    const pairs = hex.slice(at, at + 32).match(/../g) ?? [];
    const letters = pairs.map((pair) => {
      const code = parseInt(pair, 16);
      return code >= 32 && code < 127 ? String.fromCharCode(code) : ".";
    });
    lines.push(`${(at / 2).toString(16).padStart(4, "0")}  ${pairs.join(" ").padEnd(47)}  ${letters.join("")}`);
  }
  return lines.join("\n");
}

const read = (signal: AbortSignal) => allPages(async (query) => {
  const page = await get("/api/v1/quarantine", { query, signal });
  return { rows: page.quarantine, next: page.next };
});

/// Stores them one after the other: how many were stored, and why the last of the others was not.
async function retryAll(items: readonly Item[]): Promise<string> {
  let [stored, why] = [0, ""];
  for (const one of items) {
    const said = await post("/api/v1/quarantine/{id}/retry", { path: { id: one.id } });
    if (said.stored)
      stored += 1;
    else
      why = said.reason ?? "";
  }
  const kept = items.length - stored;
  return kept === 0 ? `${count(stored, "item is", "items are")} stored.`
    : `${count(stored, "item is", "items are")} stored, ${number(kept)} stay in quarantine: ${why}`;
}

function Details({ id, onClose, onRetry, onDrop }: {
  id: string; onClose: () => void; onRetry: () => void; onDrop: () => void;
}) {
  const { value, problem } = usePoll((signal) => get("/api/v1/quarantine/{id}", { path: { id }, signal }), 0, id);
  return (
    <Dialog title={`Item ${id}`} open onClose={onClose}>
      <ErrorLine problem={problem} />
      {value && (
        <>
          <dl class="figures">
            <div><dt>Machine</dt><dd>{value.equipment}</dd></div>
            <div><dt>Farm</dt><dd>{value.farm}</dd></div>
            <div><dt>Kind</dt><dd>{kindText(value.kind)}</dd></div>
            <div><dt>Number</dt><dd>{number(value.seq)}</dd></div>
            <div><dt>Size</dt><dd>{bytes(value.size)}</dd></div>
            <div><dt>Time</dt><dd><Time time={value.time} /></dd></div>
          </dl>
          <h3>Reason</h3>
          <p class="wrap">{value.reason}</p>
          <h3>Content</h3>
          <pre class="content" tabIndex={0} aria-label="Content">{value.body ?? dump(value.bytes ?? "")}</pre>
          <div class="actions">
            {may("operator") && <button type="button" onClick={onRetry}>Retry</button>}
            {mayManage() && <button type="button" class="danger" onClick={onDrop}>Drop…</button>}
          </div>
        </>
      )}
    </Dialog>
  );
}

const columns: Column<Item>[] = [
  { id: "equipment", title: "Machine", sort: (one) => one.equipment, cell: (one) => one.equipment },
  { id: "id", title: "Item", sort: (one) => one.id, cell: (one) => <span class="mono">{one.id}</span> },
  { id: "time", title: "Time", sort: (one) => one.time, cell: (one) => <Time time={one.time} /> },
  { id: "kind", title: "Kind", sort: (one) => one.kind, cell: (one) => kindText(one.kind) },
  { id: "reason", title: "Reason", sort: (one) => one.reason, cell: (one) => <span class="wrap">{one.reason}</span> },
  { id: "size", title: "Size", numeric: true, sort: (one) => one.size, cell: (one) => bytes(one.size) },
];

export function Quarantine() {
  const { value, problem, loading, reload } = usePoll(read, 5000);
  const [busy, setBusy] = useState(false);
  const ask = useAsk(reload);
  const wanted = queryText("q").toLowerCase();
  const item = queryText("item");
  const rows = (value?.rows ?? []).filter(
    (one) => `${one.equipment} ${one.id} ${one.reason}`.toLowerCase().includes(wanted));
  const close = () => setQuery({ item: null });
  const retry = async (items: readonly Item[] | string) => {
    setBusy(true);
    try {
      say(await retryAll(typeof items === "string" ? [{ id: items } as Item] : items));
      close();
    } catch (error) {
      sayProblem(toProblem(error));
    } finally {
      setBusy(false);
      reload();
    }
  };
  const drop = (id: string) => {
    close();
    ask.open({
      title: `Drop the item ${id}`, action: "Drop", done: `The item ${id} is dropped.`,
      text: "The bytes of the item are deleted for ever. The ledger counts its number as “dropped by a person”.",
      run: () => post("/api/v1/quarantine/{id}/drop", { path: { id } }),
    });
  };
  return (
    <>
      <div class="row">
        <SearchBox label="Search the quarantine" value={queryText("q")} onChange={(q) => setQuery({ q })} />
        <span class="quiet">{value && count(rows.length, "item")}{value?.more && ", and there are more"}</span>
        {may("operator") && rows.length > 0 && <button type="button" disabled={busy} onClick={() => void retry(rows)}>
          Retry {rows.length === 1 ? "the item" : `all ${number(rows.length)}`}</button>}
      </div>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && <DataTable label="Quarantine" columns={columns} rows={rows} rowKey={(one) => one.id} sortKey="sort"
        defaultSort="-time" rowHeight={48} onOpen={(one) => setQuery({ item: one.id })}
        empty={value.rows.length === 0 ? "Nothing is in quarantine. Every item is stored as what it is."
          : "No item matches the search."} />}
      {item !== "" && <Details id={item} onClose={close} onRetry={() => void retry(item)} onDrop={() => drop(item)} />}
      {ask.dialog}
    </>
  );
}
