/// Whether the ledger is complete, in words. Pure.
import type { Schema } from "../../api/types";
import { count, number } from "../../format/number";

export type LedgerRow = Schema<"ledger">;

/// What is wrong with a stream in words; empty: each frame is there once, or is on its way.
export function complaints(row: LedgerRow): string[] {
  const said: string[] = [];
  if (row.lost > 0)
    said.push(`${number(row.lost)} lost`);
  if (row.doubled > 0)
    said.push(`${number(row.doubled)} doubled`);
  if (row.lost_at_gateway > 0)
    said.push(`${number(row.lost_at_gateway)} lost in a damaged spool`);
  if (row.quarantined > 0)
    said.push(`${number(row.quarantined)} in quarantine`);
  if (row.dropped > 0)
    said.push(`${number(row.dropped)} dropped by a person`);
  return said;
}

/// Items that a gateway has sent and that are not durable yet.
export const onTheWay = (row: LedgerRow): number => Math.max(0, row.sent - row.durable);

export interface Verdict {
  kind: "complete" | "waiting" | "gap";
  text: string;
}

const named_max = 3;
const nameSome = (rows: readonly LedgerRow[], say: (row: LedgerRow) => string): string =>
  rows.slice(0, named_max).map((row) => `${row.equipment}: ${say(row)}`).join("; ")
  + (rows.length > named_max ? `; and ${number(rows.length - named_max)} more` : "");

export function judge(rows: readonly LedgerRow[]): Verdict {
  const sum = (of: (row: LedgerRow) => number) => rows.reduce((all, row) => all + of(row), 0);
  const wrong = rows.filter((row) => complaints(row).length > 0);
  if (wrong.length > 0)
    return { kind: "gap", text: `${number(wrong.length)} of ${count(rows.length, "stream")} `
      + `${wrong.length === 1 ? "has" : "have"} a gap. `
      + `${nameSome(wrong, (row) => complaints(row).join(", "))}.` };
  const waiting = rows.filter((row) => onTheWay(row) > 0).sort((a, b) => onTheWay(b) - onTheWay(a));
  if (waiting.length > 0)
    return { kind: "waiting", text: `Nothing is lost and nothing is doubled. ${number(sum(onTheWay))} of `
      + `${number(sum((row) => row.sent))} sent items are not durable yet. `
      + `${nameSome(waiting, (row) => number(onTheWay(row)))}.` };
  return { kind: "complete", text: `All ${number(sum((row) => row.sent))} items that were sent are durable. `
    + "Nothing is lost and nothing is doubled." };
}
