/// Loads a DBC file: which one, for which machines, in which encoding. The parser's refusal is shown with its line. Before
/// that the file can be compared with the one it would replace, and be tried on frames of a machine.
import { useRef, useState } from "preact/hooks";
import { farm, post } from "../../api/client";
import { ApiProblem, toProblem } from "../../api/problem";
import { count } from "../../format/number";
import { ErrorLine } from "../../parts/error_line";
import { FormDialog } from "../../parts/form_dialog";
import { may, me } from "../../shell/session";
import { say } from "../../shell/toast";
import { Compared, type Comparison } from "./compared";
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
  const [compared, setCompared] = useState<Comparison | null>(null);
  const [problem, setProblem] = useState<ApiProblem | undefined>();
  const [preview, setPreview] = useState(machine);
  const fields = useRef<HTMLDivElement>(null);
  const of = shownFarm();
  const asked = (text: (name: string) => string) => {
    if (!chosen)
      throw new ApiProblem(0, "no_file", "no file is chosen", "choose a DBC file");
    if (chosen.size > file_bytes_max)
      throw new ApiProblem(0, "too_large", "the file has more than 32 MiB", "choose a smaller file");
    const target = scope === "all" ? "all" : scope === "machine" ? `${of}/${text("machine")}` : null;
    return { body: chosen, query: { name: text("name"), for: target, encoding: text("encoding") as Encoding } };
  };
  const compare = async () => {
    try {
      const form = new FormData(fields.current?.closest("form") ?? undefined);
      const { body, query } = asked((name) => String(form.get(name) ?? ""));
      setCompared(await post("/api/v1/dbc/compare", { body,
        query: { ...query, equipment: preview.trim() || null } }));
      setProblem(undefined);
    } catch (error) {
      setCompared(null);
      setProblem(toProblem(error));
    }
  };
  return (
    <FormDialog title="Load a DBC file" action="Load the file" onClose={onClose} send={async (form) => {
      const { body, query } = asked((name) => form.text(name));
      const made = await post("/api/v1/dbc", { body, query });
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
        </label>
      )}
      <label>Encoding
        <select name="encoding">
          {Object.entries(encodings).map(([id, title]) => <option key={id} value={id}>{title}</option>)}
        </select>
      </label>
      <div class="row" ref={fields}>
        <label>Try it on the newest frames of
          <input autocomplete="off" list="dbc-machines" value={preview} placeholder="no machine"
            onInput={(event) => setPreview(event.currentTarget.value)} />
        </label>
        <button type="button" onClick={() => void compare()}>Compare first</button>
      </div>
      <datalist id="dbc-machines">{names.map((one) => <option key={one} value={one} />)}</datalist>
      <ErrorLine problem={problem} />
      {compared && <Compared of={compared} />}
      <p>Nodes decode with the file within seconds, for frames from then on.</p>
    </FormDialog>
  );
}
