/// Who changed what, from where, with the values before and after; the newest first.
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { ErrorLine } from "../../parts/error_line";
import { Loading, SearchBox, Time } from "../../parts/small";
import { queryNumber, queryText, setQuery } from "../../shell/router";
import { changesOf } from "./audit_changes";
import { ofList } from "./users";

type Row = Schema<"audit_row">;

const rows_of_page = 100;
const actions = ["user", "token", "login", "session", "field", "equipment", "retention", "dbc", "actor", "node",
  "db", "init"];

function Changes({ row }: { row: Row }) {
  const changes = changesOf(row.before, row.after);
  if (changes.length === 0)
    return <span class="quiet">{row.detail || "–"}</span>;
  return (
    <>
      {row.detail !== "" && <div class="quiet">{row.detail}</div>}
      <ul class="changes">
        {changes.map((one) => (
          <li key={one.name}><span class="quiet">{one.name}:</span>{" "}
            {one.before !== null && <del>{one.before}</del>}{one.before !== null && one.after !== null && " → "}
            {one.after !== null && <ins>{one.after}</ins>}</li>
        ))}
      </ul>
    </>
  );
}

export function Audit() {
  const [who, action, before] = [queryText("who"), queryText("action"), queryNumber("before", 0)];
  const { value, problem, loading } = usePoll(
    (signal) => get("/api/v1/audit", { query: { who, action, before: before || null, limit: rows_of_page },
      farm: ofList(), signal }), before === 0 ? 5000 : 0, `${who} ${action} ${before}`);
  const rows = value?.audit ?? [];
  return (
    <>
      <div class="row">
        <SearchBox label="Only by this name" value={who} onChange={(next) => setQuery({ who: next, before: null })} />
        <label>Action
          <select value={action} onChange={(event) => setQuery({ action: event.currentTarget.value, before: null })}>
            <option value="">all</option>
            {[...new Set([...actions, ...(action === "" ? [] : [action])])].map(
              (one) => <option key={one} value={one}>{one}</option>)}
          </select>
        </label>
      </div>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && (
        <div class="table-box" role="region" aria-label="Audit log" tabIndex={0}>
          <table class="tall">
            <thead><tr>
              <th scope="col">Time</th><th scope="col">Who</th><th scope="col">From</th><th scope="col">Action</th>
              <th scope="col">Object</th><th scope="col">What changed</th>
            </tr></thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id}>
                  <td><Time time={row.time} /></td>
                  <td>{row.who}</td>
                  <td class="mono">{row.from === "" ? "the database" : row.from}</td>
                  <td>{row.action}</td>
                  <td>{row.object || "–"}{row.farm && !row.object.startsWith(row.farm + "/")
                    && <span class="quiet"> farm {row.farm}</span>}</td>
                  <td><Changes row={row} /></td>
                </tr>
              ))}
            </tbody>
          </table>
          {rows.length === 0 && <p class="empty">The audit log has no such row.</p>}
        </div>
      )}
      <div class="row pages">
        {before !== 0 && <button type="button" onClick={() => setQuery({ before: null }, true)}>Newest</button>}
        {value?.next != null
          && <button type="button" onClick={() => setQuery({ before: String(value.next) }, true)}>Older</button>}
      </div>
    </>
  );
}
