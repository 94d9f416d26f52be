/// Loads a DBC file: which one, for which machines, in which encoding. The parser's refusal is shown with its line.
import { useState } from "preact/hooks";
import { farm, post } from "../../api/client";
import { ApiProblem } from "../../api/problem";
import { count } from "../../format/number";
import { FormDialog } from "../../parts/form_dialog";
import { may, me } from "../../shell/session";
import { say } from "../../shell/toast";
import type { DbcFile } from "./content";
import { useMachineNames } from "./signals";

const file_bytes_max = 32 * 1024 * 1024;
const encodings = {
  auto: "auto: UTF-8 where it is valid, else Windows-1252", utf8: "UTF-8", cp1252: "Windows-1252",
} as const;
type Encoding = keyof typeof encodings;

/// The farm that the page shows.
export function shownFarm(): string {
  const own = me.value?.farms[0] ?? "*";
  return farm.value || (own === "*" ? "default" : own);
}

export interface LoadDialogProps {
  dropped: File | null;
  machine: string;
  onClose: () => void;
  onLoaded: (file: DbcFile) => void;
}

export function LoadDialog({ dropped, machine, onClose, onLoaded }: LoadDialogProps) {
  const [chosen, setChosen] = useState<File | null>(dropped);
  const [scope, setScope] = useState<"farm" | "machine" | "all">(machine === "" ? "farm" : "machine");
  const names = useMachineNames(machine);
  const of = shownFarm();
  return (
    <FormDialog title="Load a DBC file" action="Load the file" onClose={onClose} send={async (form) => {
      if (!chosen)
        throw new ApiProblem(0, "no_file", "no file is chosen", "choose a DBC file");
      if (chosen.size > file_bytes_max)
        throw new ApiProblem(0, "too_large", "the file has more than 32 MiB", "choose a smaller file");
      const target = scope === "all" ? "all" : scope === "machine" ? `${of}/${form.text("machine")}` : null;
      const made = await post("/api/v1/dbc", { body: chosen, query: { name: form.text("name"), for: target,
        encoding: form.text("encoding") as Encoding } });
      say(!made.added ? `${made.name}: a file that decodes alike is active already. Nothing was changed.`
        : `${made.name} is active${made.warning_count > 0 ? `, with ${count(made.warning_count, "warning")}` : ""}.`);
      onLoaded(made);
    }}>
      <label>File
        <input type="file" accept=".dbc" required={!dropped} onChange={(event) =>
          setChosen(event.currentTarget.files?.[0] ?? dropped)} />
        {dropped && chosen === dropped && <span class="hint">{dropped.name}</span>}
      </label>
      <label>Name
        <input key={chosen?.name} name="name" required maxLength={255} autocomplete="off"
          defaultValue={chosen?.name ?? ""} aria-describedby="dbc-name-hint" />
        <span class="hint" id="dbc-name-hint">The file replaces the active file of this name for the same machines.
          </span>
      </label>
      <label>For
        <select value={scope} onChange={(event) => setScope(event.currentTarget.value as typeof scope)}>
          <option value="farm">every machine of the farm {of}</option>
          <option value="machine">one machine</option>
          {may("admin", true) && <option value="all">all machines of every farm</option>}
        </select>
      </label>
      {scope === "machine" && (
        <label>Machine
          <input name="machine" required autocomplete="off" list="dbc-machines" defaultValue={machine} />
          <datalist id="dbc-machines">{names.map((one) => <option key={one} value={one} />)}</datalist>
        </label>
      )}
      <label>Encoding
        <select name="encoding">
          {Object.entries(encodings).map(([id, title]) => <option key={id} value={id}>{title}</option>)}
        </select>
      </label>
      <p>Nodes decode with the file within seconds, for frames from then on.</p>
    </FormDialog>
  );
}
