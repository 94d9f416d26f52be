/// Chooses the signals of the charts.
import { useState } from "preact/hooks";
import type { Schema } from "../../api/types";
import type { Machine } from "../../live/reducer";
import { number, unitText } from "../../format/number";
import { SearchBox } from "../../parts/small";
import { Dialog } from "../../parts/dialog";
import { titleOf } from "./quantities";

const shown_max = 200;

export interface PickerProps {
  open: boolean;
  onClose: () => void;
  machine: Machine | undefined;
  signals: readonly Schema<"signal">[];
  chosen: readonly string[];
  chosenMax: number;
  onChoose: (id: string, chosen: boolean) => void;
}

interface Choice {
  id: string;
  title: string;
  detail: string;
}

function choicesOf(machine: Machine | undefined, signals: readonly Schema<"signal">[]): Choice[] {
  const live = Object.entries(machine?.values ?? {})
    .filter(([, of]) => typeof of.value === "number" || typeof of.value === "boolean")
    .map(([id]) => ({ id, title: titleOf(id), detail: "live view" }));
  const stored = signals.map((one) => ({ id: one.name, title: one.title ? `${one.name} ${one.title}` : one.name,
    detail: `last ${number(one.last)} ${unitText(one.unit)}` }));
  return [...live, ...stored];
}

export function Picker({ open, onClose, machine, signals, chosen, chosenMax, onChoose }: PickerProps) {
  const [wanted, setWanted] = useState("");
  if (!open)
    return null;
  const words = wanted.toLowerCase().split(" ").filter((one) => one !== "");
  const fitting = choicesOf(machine, signals)
    .filter((one) => words.every((word) => `${one.title} ${one.id}`.toLowerCase().includes(word)));
  const full = chosen.length >= chosenMax;
  return (
    <Dialog title="Signals in the charts" open={open} onClose={onClose}>
      <SearchBox label="Search signals" value={wanted} onChange={setWanted} />
      {full && <p class="quiet">At most {chosenMax} signals are charted.</p>}
      <ul class="choices">
        {fitting.slice(0, shown_max).map((one) => (
          <li key={one.id}>
            <label>
              <input type="checkbox" checked={chosen.includes(one.id)} disabled={full && !chosen.includes(one.id)}
                onChange={(event) => onChoose(one.id, event.currentTarget.checked)} />
              <span>{one.title} <span class="quiet">{one.detail}</span></span>
            </label>
          </li>
        ))}
      </ul>
      {fitting.length === 0 && <p class="quiet">No signal matches.</p>}
      {fitting.length > shown_max && <p class="quiet">{number(fitting.length - shown_max)} more: type to find them.</p>}
    </Dialog>
  );
}
