/// One field: its area and crop, and changes of them. A new name is a new field: the API has no other way.
import { useState } from "preact/hooks";
import { del, patch, post } from "../../api/client";
import { Confirm, Dialog } from "../../parts/dialog";
import { Value } from "../../parts/small";
import { attempt, say, sayProblem } from "../../shell/toast";
import { type Field, body } from "./field";

const texts = [["name", "Name"], ["crop", "Crop"], ["season", "Season"], ["soil", "Soil"]] as const;
type Texts = Record<(typeof texts)[number][0], string>;

/// The new field is stored before the old one is removed: if that fails, there are two, and none is lost.
async function rename(field: Field, next: Texts): Promise<void> {
  await post("/api/v1/fields", { body: body({ ...next, boundary: field.boundary, attributes: field.attributes }) });
  await del("/api/v1/fields/{name}", { path: { name: field.name }, query: { version: String(field.version) } });
}

interface EditProps {
  field: Field;
  taken: readonly string[];
  onClose: () => void;
  onDone: (name: string) => void;
}
function EditField({ field, taken, onClose, onDone }: EditProps) {
  const { crop, season, soil } = field;
  const [next, setNext] = useState<Texts>({ name: field.name, crop, season, soil });
  const name = next.name.trim();
  const moved = name !== field.name;
  const wrong = name === "" ? "A field needs a name." : moved && taken.includes(name)
    ? "Another field has this name." : "";
  const save = async (event: Event) => {
    event.preventDefault();
    const made = { ...next, name };
    const { name: _, ...rest } = made;
    const done = await attempt(() => moved ? rename(field, made) : patch("/api/v1/fields/{name}",
      { path: { name }, body: body({ ...rest, version: field.version }) }), `${name} is saved.`);
    if (done)
      onDone(name);
  };
  return (
    <Dialog title={`Edit ${field.name}`} open onClose={onClose}>
      <form onSubmit={(event) => void save(event)}>
        {texts.map(([key, title]) => (
          <label key={key}>{title}
            <input value={next[key]} maxLength={key === "name" ? 64 : 256} autocomplete="off"
              onInput={(event) => setNext({ ...next, [key]: event.currentTarget.value })} />
          </label>
        ))}
        {wrong !== "" && <p class="warn" role="status">{wrong}</p>}
        <div class="actions">
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={wrong !== ""}>Save</button>
        </div>
      </form>
    </Dialog>
  );
}

export interface DetailsProps {
  field: Field;
  taken: readonly string[];
  changes: boolean; // whether the user may change fields
  onBoundary: () => void;
  onDone: (name: string) => void; // the field now has this name; empty: it is removed
}
export function FieldDetails({ field, taken, changes, onBoundary, onDone }: DetailsProps) {
  const [open, setOpen] = useState<"" | "edit" | "remove">("");
  const remove = async () => {
    setOpen("");
    try {
      await del("/api/v1/fields/{name}", { path: { name: field.name }, query: { version: String(field.version) } });
      say(`${field.name} is removed.`);
      onDone("");
    } catch (error) {
      sayProblem(error);
    }
  };
  return (
    <section aria-label={`Field ${field.name}`}>
      <h2>{field.name}</h2>
      <dl class="field-facts">
        <dt>Area</dt><dd><Value value={field.area_m2 / 10_000} unit="ha" digits={2} /></dd>
        {texts.slice(1).map(([key, title]) => [<dt>{title}</dt>, <dd><Value value={field[key]} /></dd>])}
      </dl>
      {changes && (
        <div class="row">
          <button type="button" onClick={() => setOpen("edit")}>Edit</button>
          <button type="button" onClick={onBoundary}>Change the boundary</button>
          <button type="button" class="danger" onClick={() => setOpen("remove")}>Remove</button>
        </div>
      )}
      {open === "edit" && <EditField field={field} taken={taken} onClose={() => setOpen("")}
        onDone={(name) => { setOpen(""); onDone(name); }} />}
      <Confirm title={`Remove ${field.name}?`} open={open === "remove"} action="Remove the field"
        onClose={() => setOpen("")} onConfirm={() => void remove()}>
        <p>The boundary, crop and season of this field are removed. The data of the machines stays.</p>
      </Confirm>
    </section>
  );
}
