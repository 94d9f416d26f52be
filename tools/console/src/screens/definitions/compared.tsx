/// What a DBC file would change, before it is loaded: its definitions, and what stored frames decode to.
import type { Answer } from "../../api/types";
import { count, number } from "../../format/number";
import { absent } from "../../format/time";
import { Value } from "../../parts/small";
import { DifferenceTable } from "./differences";

export type Comparison = Answer<"/api/v1/dbc/compare", "post">;
type Preview = NonNullable<Comparison["preview"]>;
type Sum = Preview["signals"][number]["after"];

const shown_max = 200;

const span = (of: Sum, unit: string) => of === null || of.values === 0 ? <>{absent}</>
  : <><Value value={of.min} unit={unit} /> to <Value value={of.max} unit={unit} /></>;

/// Other values come first: they are what a person wants to see.
export function changedFirst(rows: Preview["signals"]): Preview["signals"] {
  const changed = (one: Preview["signals"][number]) => JSON.stringify(one.before) !== JSON.stringify(one.after);
  return [...rows.filter(changed), ...rows.filter((one) => !changed(one))];
}

function FramesDecoded({ of }: { of: Preview }) {
  return (
    <>
      <h3>On stored frames</h3>
      <p>Of {count(of.frames, "frame")} the file decodes {number(of.decoded, 0)}; the file before decodes{" "}
        {number(of.decoded_before, 0)}. Messages of several frames are left out.</p>
      {of.signals.length > 0 && (
        <div class="table-box differences" role="region" aria-label="Values of stored frames" tabIndex={0}>
          <table class="compact">
            <thead><tr><th scope="col">Signal</th><th scope="col">Values before</th><th scope="col">Values after</th>
              <th scope="col" class="numeric">Last</th></tr></thead>
            <tbody>{changedFirst(of.signals).slice(0, shown_max).map((one) => (
              <tr key={one.signal}><td><code>{one.signal}</code></td><td>{span(one.before, one.unit)}</td>
                <td>{span(one.after, one.unit)}</td>
                <td class="numeric"><Value value={one.after?.last ?? null} unit={one.unit} /></td></tr>
            ))}</tbody>
          </table>
        </div>
      )}
    </>
  );
}

export function Compared({ of }: { of: Comparison }) {
  return (
    <section class="card" aria-label="Comparison">
      {of.replaces === null
        ? <p>No active file of this name is replaced. The file has {count(of.messages, "message")}.</p>
        : <><h3>Against the active file</h3>
            <DifferenceTable rows={of.differences} complete={of.complete} /></>}
      {of.preview && <FramesDecoded of={of.preview} />}
    </section>
  );
}
