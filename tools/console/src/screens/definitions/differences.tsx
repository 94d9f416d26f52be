/// What changes in meaning from one DBC file to another.
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count, number } from "../../format/number";
import { absent } from "../../format/time";
import { ErrorLine } from "../../parts/error_line";
import { Loading } from "../../parts/small";

const shown_max = 200;

export function Differences({ before, after }: { before: number; after: number }) {
  const { value, problem, loading } = usePoll((signal) => get("/api/v1/dbc/{id}/differences",
    { path: { id: before }, query: { with: after }, signal }), 0, `${before} ${after}`);
  const rows = value?.differences ?? [];
  return (
    <>
      <ErrorLine problem={problem} />
      {loading && <Loading />}
      {value && rows.length === 0 && <p>Nothing changes: both files decode alike.</p>}
      {rows.length > 0 && (
        <>
          <p>{value?.complete ? "" : "More than "}{count(rows.length, "difference")}
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
      )}
    </>
  );
}
