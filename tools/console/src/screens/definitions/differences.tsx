/// What changes in meaning from one DBC file to another.
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { count, number } from "../../format/number";
import { absent } from "../../format/time";
import { ErrorLine } from "../../parts/error_line";
import { Loading } from "../../parts/small";

const shown_max = 200;

export function DifferenceTable({ rows, complete }: { rows: readonly Schema<"dbc_difference">[]; complete: boolean }) {
  if (rows.length === 0)
    return <p>Nothing changes: both files decode alike.</p>;
  return (
    <>
      <p>{complete ? "" : "More than "}{count(rows.length, "difference")}
        {rows.length > shown_max && `; the first ${number(shown_max)} are shown`}.</p>
      <div class="table-box differences" role="region" aria-label="Differences" tabIndex={0}>
        <table class="compact">
          <thead><tr><th scope="col">Object</th><th scope="col">Property</th><th scope="col">Before</th>
            <th scope="col">After</th></tr></thead>
          <tbody>{rows.slice(0, shown_max).map((one, i) => (
            <tr key={i}><td><code>{one.object}</code></td><td>{one.property}</td>
              <td>{one.before || absent}</td><td>{one.after || absent}</td></tr>
          ))}</tbody>
        </table>
      </div>
    </>
  );
}

export function Differences({ before, after }: { before: number; after: number }) {
  const { value, problem, loading } = usePoll((signal) => get("/api/v1/dbc/{id}/differences",
    { path: { id: before }, query: { with: after }, signal }), 0, `${before} ${after}`);
  return (
    <>
      <ErrorLine problem={problem} />
      {loading && <Loading />}
      {value && <DifferenceTable rows={value.differences} complete={value.complete} />}
    </>
  );
}
