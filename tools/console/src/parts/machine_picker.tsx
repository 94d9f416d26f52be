/// Chooses machines of the farm by name: the ones chosen, and a box that suggests names by their beginning.
import { useId, useState } from "preact/hooks";
import { get } from "../api/client";
import { usePoll } from "../api/poll";

const suggestions_max = "50";

export interface MachinePickerProps {
  label: string;
  chosen: readonly string[];
  max?: number;
  color?: (index: number) => string; // of the mark beside a chosen name
  onChange: (names: string[]) => void;
}

export function MachinePicker({ label, chosen, max = 8, color, onChange }: MachinePickerProps) {
  const [typed, setTyped] = useState("");
  const list = useId();
  const query = { prefix: typed, limit: suggestions_max };
  const { value } = usePoll((signal) => get("/api/v1/equipment-records", { query, signal }), 0, typed);
  const names = (value?.rows ?? []).map((one) => one.name).filter((one) => !chosen.includes(one));
  const add = (name: string) => {
    const wanted = name.trim();
    setTyped("");
    if (wanted !== "" && !chosen.includes(wanted) && chosen.length < max)
      onChange(max === 1 ? [wanted] : [...chosen, wanted]);
  };
  const input = (event: Event & { currentTarget: HTMLInputElement }) => {
    const text = event.currentTarget.value;
    // A name taken from the list arrives as one change; a typed name waits for Enter.
    if (!(event instanceof InputEvent) || event.inputType === "insertReplacementText")
      add(text);
    else
      setTyped(text);
  };
  return (
    <div class="picker" role="group" aria-label={label}>
      {chosen.map((name, i) => (
        <span key={name} class="chip">
          {color && <span class="chip-mark" style={{ background: color(i) }} aria-hidden="true" />}
          {name}
          <button type="button" class="plain" aria-label={`Remove ${name}`}
            onClick={() => onChange(chosen.filter((one) => one !== name))}>×</button>
        </span>
      ))}
      {chosen.length < max && (
        <form onSubmit={(event) => { event.preventDefault(); add(typed); }}>
          <input class="search" aria-label={`${label}: add a machine`} placeholder="Add a machine" list={list}
            value={typed} autocomplete="off" spellcheck={false} onInput={input} />
          <datalist id={list}>{names.map((one) => <option key={one} value={one} />)}</datalist>
          <button type="submit" disabled={typed.trim() === ""}>Add</button>
        </form>
      )}
    </div>
  );
}
