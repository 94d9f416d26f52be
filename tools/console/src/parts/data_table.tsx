/// A table that sorts, and draws only its visible rows when there are many.
///
///   <DataTable label="Machines" rows={rows} rowKey={(one) => one.name} columns={[
///     { id: "name", title: "Machine", cell: (one) => <a href={…}>{one.name}</a>, sort: (one) => one.name }]} />
///
/// The order is in the address when `sortKey` names the key of the query, else in the table. With `onOpen` a click or
/// Enter on a row opens it, and the arrow keys move between rows; then the first cell needs no link.
/// Columns that do not fit beside the others are left out, and a button shows them: nobody has to push a table sideways.
import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { count } from "../format/number";
import { queryText, setQuery } from "../shell/router";
import { useTooWide, useVisibleRows } from "./window";

export interface Column<Row> {
  id: string;
  title: string;
  cell: (row: Row) => ComponentChildren;
  sort?: (row: Row) => string | number | null | undefined; // absent values are last in either direction
  numeric?: boolean; // aligned at the end
  pinned?: boolean; // stays at the right edge of a table that is too wide: buttons
  extra?: boolean; // left out before the others where the table is narrow
  width?: string;
}

export interface DataTableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  sortKey?: string;
  defaultSort?: string; // "name" or "-name"
  onOpen?: (row: Row) => void;
  selected?: string; // key of a row
  rowHeight?: number;
  empty?: ComponentChildren;
}

export const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: string): readonly Row[] {
  const down = order.startsWith("-");
  const of = columns.find((one) => one.id === order.replace(/^-/, ""))?.sort;
  if (!of)
    return rows;
  const keyed = rows.map((row) => ({ row, key: of(row) ?? null }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null)
      return a.key === b.key ? 0 : a.key === null ? 1 : -1;
    const less = typeof a.key === "number" && typeof b.key === "number"
      ? a.key - b.key : a.key === b.key ? 0 : natural.compare(String(a.key), String(b.key));
    return down ? -less : less;
  });
  return keyed.map((one) => one.row);
}

/// The columns without so many that do not fit: `extra` ones from the right, then others. The first column, pinned ones
/// and the one that the rows are sorted by stay.
export function fitting<Row>(columns: readonly Column<Row>[], leave: number, order: string): readonly Column<Row>[] {
  const free = columns.slice(1).filter((one) => !one.pinned && one.id !== order.replace(/^-/, "")).reverse();
  const out = new Set([...free.filter((one) => one.extra), ...free.filter((one) => !one.extra)].slice(0, leave));
  return columns.filter((one) => !out.has(one));
}

const classOf = (of: { numeric?: boolean; pinned?: boolean }): string =>
  of.numeric ? "numeric" : of.pinned ? "pinned" : "";

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, rowKey, sortKey, defaultSort = "", onOpen, selected, rowHeight = 40, empty } = props;
  const [own, setOwn] = useState(defaultSort);
  const order = sortKey ? queryText(sortKey, defaultSort) : own;
  const setOrder = (next: string) =>
    sortKey ? setQuery({ [sortKey]: next === defaultSort ? null : next }) : setOwn(next);
  const shown = useMemo(() => sorted(rows, columns, order), [rows, columns, order]);
  const box = useRef<HTMLDivElement>(null);
  const { first, end } = useVisibleRows(box, rowHeight, shown.length);
  const [whole, setWhole] = useState(false);
  const leave = useTooWide(box, whole ? 0 : columns.length - 1);
  const seen = whole ? columns : fitting(columns, leave, order);
  const left = columns.length - fitting(columns, leave, order).length;

  const onKey = (event: KeyboardEvent, row: Row) => {
    const here = event.currentTarget as HTMLElement;
    if (event.target !== here)
      return;
    const to = event.key === "ArrowDown" ? here.nextElementSibling
      : event.key === "ArrowUp" ? here.previousElementSibling : null;
    if (to instanceof HTMLElement && to.dataset.row !== undefined)
      to.focus();
    else if (event.key === "Enter")
      onOpen?.(row);
    else
      return;
    event.preventDefault();
  };

  const Head = ({ of }: { of: Column<Row> }) => {
    const now = order.replace(/^-/, "") === of.id;
    const down = now && order.startsWith("-");
    return (
      <th scope="col" class={classOf(of)} style={of.width ? { width: of.width } : undefined}
        aria-sort={now ? (down ? "descending" : "ascending") : undefined}>
        {of.sort
          ? <button type="button" class="sort" onClick={() => setOrder(now && !down ? "-" + of.id : of.id)}>
              {of.title}<span aria-hidden="true">{now ? (down ? " ▾" : " ▴") : ""}</span>
            </button>
          : of.title}
      </th>
    );
  };

  return (
    <>
      <div class="table-box" ref={box} role="region" aria-label={label} tabIndex={0}>
        <table aria-rowcount={shown.length + 1}>
          <thead><tr>{seen.map((one) => Head({ of: one }))}</tr></thead>
          <tbody>
            {first > 0 && <tr aria-hidden="true" style={{ height: `${first * rowHeight}px` }} />}
            {shown.slice(first, end).map((row, i) => {
              const key = rowKey(row);
              return (
                <tr key={key} data-row={key} aria-rowindex={first + i + 2} style={{ height: `${rowHeight}px` }}
                  class={(onOpen ? "opens" : "") + (selected === key ? " selected" : "")}
                  tabIndex={onOpen ? 0 : undefined}
                  aria-selected={selected === undefined ? undefined : selected === key}
                  onClick={onOpen ? () => onOpen(row) : undefined}
                  onKeyDown={onOpen ? (event) => onKey(event, row) : undefined}>
                  {seen.map((one) => <td key={one.id} class={classOf(one)}>{one.cell(row)}</td>)}
                </tr>
              );
            })}
            {end < shown.length
              && <tr aria-hidden="true" style={{ height: `${(shown.length - end) * rowHeight}px` }} />}
          </tbody>
        </table>
        {shown.length === 0 && <p class="empty">{empty ?? "There is nothing to show."}</p>}
      </div>
      {left > 0 && (
        <p class="columns-left">
          <button type="button" class="link" aria-pressed={whole} onClick={() => setWhole(!whole)}>
            Show {count(left, "more column")}
          </button>
        </p>
      )}
    </>
  );
}
