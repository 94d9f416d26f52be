/// The newest frames, line by line. A click selects a line, with Shift all lines up to it.
import { useRef } from "preact/hooks";
import { number } from "../../format/number";
import { absent, localTime } from "../../format/time";
import { VirtualList } from "../../parts/virtual_list";
import type { CanFrame } from "./frame";
import { frameName } from "./names";

const spaced = (payload: string): string => payload.replace(/(..)(?=.)/g, "$1 ");

export interface TrailProps {
  label: string;
  frames: readonly CanFrame[];
  selected: ReadonlySet<CanFrame>;
  onSelect: (frames: Set<CanFrame>) => void;
}

export function Trail({ label, frames, selected, onSelect }: TrailProps) {
  const anchor = useRef<CanFrame | null>(null);
  const pick = (frame: CanFrame, upTo: boolean) => {
    const next = new Set(selected);
    const [a, b] = [anchor.current ? frames.indexOf(anchor.current) : -1, frames.indexOf(frame)];
    if (upTo && a >= 0)
      frames.slice(Math.min(a, b), Math.max(a, b) + 1).forEach((one) => next.add(one));
    else if (!next.delete(frame))
      next.add(frame);
    anchor.current = frame;
    onSelect(next);
  };
  if (frames.length === 0)
    return <p class="empty">No frame to show.</p>;
  return (
    <VirtualList label={label} rows={frames} rowHeight={28} rowKey={(one) => `${one.bus} ${one.seq}`} draw={(one) => (
      <button type="button" class="trail-line" aria-pressed={selected.has(one)}
        onClick={(event) => pick(one, event.shiftKey)}>
        <span title={one.time}>{localTime(one.at).slice(11)}.{one.time.slice(20, 23)}</span>
        <span>{one.bus}</span>
        <span>{one.id}</span>
        <span class="quiet">{frameName(one) || (one.pgn ?? absent)}</span>
        <span>{one.remote ? `remote, ${number(one.length)}` : spaced(one.payload)}</span>
      </button>
    )} />
  );
}
