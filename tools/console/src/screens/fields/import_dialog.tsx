/// Imports the fields of a GeoJSON file: shows what is in it before anything is stored, or why it is refused.
import { useRef, useState } from "preact/hooks";
import { post } from "../../api/client";
import { count, number } from "../../format/number";
import { Dialog } from "../../parts/dialog";
import { attempt } from "../../shell/toast";
import { type Field, body } from "./field";
import { type NewField, areaM2, readGeoJson } from "./geojson";

const file_bytes_max = 16 * 1024 * 1024;
const fields_max = 1000;

interface Opened {
  file: string;
  fields: NewField[];
  fault: string | null;
}

async function open(file: File): Promise<Opened> {
  const refused = (fault: string): Opened => ({ file: file.name, fields: [], fault });
  if (file.size > file_bytes_max)
    return refused(`the file has ${number(file.size / 1024 / 1024, 1)} MiB; 16 MiB at most`);
  const { fields, fault } = readGeoJson(await file.text());
  if (fault !== null)
    return refused(fault);
  if (fields.length > fields_max)
    return refused(`${number(fields.length)} fields; ${number(fields_max)} at most in one file`);
  return { file: file.name, fields, fault: null };
}

/// What stops the import; empty: nothing.
function complaint(fields: readonly NewField[]): string {
  const names = fields.map((one) => one.name.trim());
  const doubled = names.find((one, i) => one !== "" && names.indexOf(one) !== i);
  return names.includes("") ? "Give each field a name." : doubled ? `Two fields have the name “${doubled}”.` : "";
}

export function ImportFields({ known, onDone }: { known: readonly Field[]; onDone: (name: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [opened, setOpened] = useState<Opened | null>(null);
  const [busy, setBusy] = useState(false);
  const choose = async (event: Event & { currentTarget: HTMLInputElement }) => {
    const file = event.currentTarget.files?.[0];
    event.currentTarget.value = "";
    if (file)
      await attempt(async () => setOpened(await open(file)));
  };
  const rename = (i: number, name: string) => setOpened((was) => was && ({ ...was,
    fields: was.fields.map((one, k) => k === i ? { ...one, name } : one) }));
  const save = async () => {
    if (!opened)
      return;
    setBusy(true);
    const list = opened.fields.map((one) => {
      const before = known.find((other) => other.name === one.name.trim());
      // A file without a crop does not take away the crop that is known.
      return { ...before && { crop: before.crop, soil: before.soil, season: before.season,
        attributes: before.attributes }, ...Object.fromEntries(Object.entries(one).filter(([, value]) => value !== "")),
        name: one.name.trim() };
    });
    const done = await attempt(
      () => post("/api/v1/fields", { body: body(list) }), `${count(list.length, "field")} imported.`);
    setBusy(false);
    if (!done)
      return;
    setOpened(null);
    onDone(list[0]?.name ?? "");
  };
  const wrong = opened && opened.fault === null ? complaint(opened.fields) : "";
  return (
    <>
      <button type="button" onClick={() => input.current?.click()}>Import GeoJSON</button>
      <input ref={input} type="file" accept=".geojson,.json,application/geo+json,application/json" hidden
        aria-label="GeoJSON file" onChange={(event) => void choose(event)} />
      <Dialog title={`Import ${opened?.file ?? ""}`} open={opened !== null} onClose={() => setOpened(null)}>
        {opened?.fault && <p class="error-line" role="alert"><strong>The file was refused.</strong> {opened.fault}</p>}
        {opened && opened.fault === null && (
          <>
            <p>{count(opened.fields.length, "field")}. All of them are stored, or none.</p>
            <ul class="import-list">
              {opened.fields.map((one, i) => (
                <li key={i} class="row">
                  <input aria-label={`Name of field ${i + 1}`} value={one.name} placeholder={`Name of field ${i + 1}`}
                    maxLength={64} onInput={(event) => rename(i, event.currentTarget.value)} />
                  <span>{number(areaM2(one.boundary) / 10_000, 2)} ha</span>
                  {known.some((other) => other.name === one.name.trim())
                    && <span class="warn">replaces the boundary of this field</span>}
                </li>
              ))}
            </ul>
            {wrong !== "" && <p class="warn" role="status">{wrong}</p>}
          </>
        )}
        <div class="actions">
          <button type="button" onClick={() => setOpened(null)}>{opened?.fault ? "Close" : "Cancel"}</button>
          {opened && opened.fault === null && (
            <button type="button" class="primary" disabled={busy || wrong !== ""} onClick={() => void save()}>
              Import {count(opened.fields.length, "field")}
            </button>
          )}
        </div>
      </Dialog>
    </>
  );
}
