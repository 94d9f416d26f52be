/// A long list of rows of one height; only the visible ones are drawn. Its box gives the height.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { useVisibleRows } from "./window";

export interface VirtualListProps<Row> {
  label: string;
  rows: readonly Row[];
  rowHeight: number; // pixels
  rowKey: (row: Row) => string;
  draw: (row: Row, index: number) => ComponentChildren;
}

export function VirtualList<Row>({ label, rows, rowHeight, rowKey, draw }: VirtualListProps<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const { first, end } = useVisibleRows(box, rowHeight, rows.length);
  return (
    <div class="virtual" ref={box} role="list" aria-label={label} tabIndex={0}>
      <div role="presentation" style={{ height: `${rows.length * rowHeight}px`, position: "relative" }}>
        {rows.slice(first, end).map((row, i) => (
          <div key={rowKey(row)} role="listitem" class="virtual-row" aria-setsize={rows.length}
            aria-posinset={first + i + 1} style={{ top: `${(first + i) * rowHeight}px`, height: `${rowHeight}px` }}>
            {draw(row, first + i)}
          </div>
        ))}
      </div>
    </div>
  );
}
