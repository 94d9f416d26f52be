/// Copies the selected frames, or all of the list, as candump writes them.
import { count } from "../../format/number";
import { attempt } from "../../shell/toast";
import { copyText } from "./copy";
import { type CanFrame, candumpText } from "./frame";

export function CopyButton({ frames, selected }: { frames: readonly CanFrame[]; selected: ReadonlySet<CanFrame> }) {
  const chosen = selected.size > 0 ? [...selected] : [...frames];
  const copy = () => {
    const ordered = chosen.sort((a, b) => a.at - b.at || a.seq - b.seq);
    void attempt(() => copyText(candumpText(ordered)), `${count(ordered.length, "frame")} copied as candump text.`);
  };
  return (
    <button type="button" disabled={chosen.length === 0} onClick={copy}>
      {selected.size > 0 ? `Copy ${count(selected.size, "selected frame")}` : "Copy all as candump"}
    </button>
  );
}
