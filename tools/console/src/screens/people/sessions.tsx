/// Logins of a person: one's own, and for admins those of others.
import { useState } from "preact/hooks";
import { del, get } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { useAsk } from "../../parts/ask";
import { type Column, DataTable } from "../../parts/data_table";
import { ErrorLine } from "../../parts/error_line";
import { Age, Badge, Loading, Time } from "../../parts/small";
import { queryText, setQuery } from "../../shell/router";
import { everyFarm, mayManage, me } from "../../shell/session";

type Session = Schema<"session">;

/// "north/anna" as the API takes it. A name without a farm is one of the node, or of the admin's own farm.
export function userQuery(text: string, ofNode: boolean): { user?: string; farm?: string } {
  if (text === "")
    return {};
  const slash = text.indexOf("/");
  if (slash < 0)
    return ofNode ? { user: text, farm: "*" } : { user: text };
  return { user: text.slice(slash + 1), farm: text.slice(0, slash) };
}

function OtherUser({ user }: { user: string }) {
  const [typed, setTyped] = useState(user);
  const show = (event: Event) => {
    event.preventDefault();
    setQuery({ user: typed.trim() });
  };
  return (
    <form class="row" onSubmit={show}>
      <label>User <input value={typed} placeholder="FARM/NAME" autocomplete="off"
        onInput={(event) => setTyped(event.currentTarget.value)} /></label>
      <button type="submit">Show the sessions</button>
      {user !== "" && me.value?.kind === "session"
        && <button type="button" onClick={() => { setTyped(""); setQuery({ user: null }); }}>Show mine</button>}
    </form>
  );
}

export function Sessions() {
  const asked = mayManage() ? queryText("user") : "";
  const isPerson = me.value?.kind === "session";
  const { user, farm } = userQuery(asked, everyFarm.value);
  const readable = user !== undefined || isPerson;
  const { value, problem, loading, reload } = usePoll(
    async (signal) => readable ? await get("/api/v1/sessions", { query: { user }, farm, signal }) : { sessions: [] },
    5000, asked);
  const ask = useAsk(reload);
  const whose = asked === "" ? "your" : `${asked}'s`;

  const end = (one: Session) => ask.open({
    title: "End a session", action: "End the session", done: "The session is ended.",
    text: one.current ? "This is the session of this page. You are logged out at once."
      : `The session from ${one.from} ends. Its user must log in again.`,
    run: () => del("/api/v1/sessions/{id}", { path: { id: one.id }, query: { user }, farm }),
  });
  const endAll = () => ask.open({
    title: "End all sessions", action: "End all", done: "All sessions are ended.",
    text: `All ${value?.sessions.length ?? 0} of ${whose} sessions end, at every node within 10 s.`
      + (asked === "" ? " You are logged out here too." : " The user can log in again with the same password."),
    run: () => del("/api/v1/sessions", { query: { user }, farm }),
  });

  const columns: Column<Session>[] = [
    { id: "from", title: "From", sort: (one) => one.from, cell: (one) => <><span class="mono">{one.from}</span>{" "}
      {one.current && <Badge tone="info">this page</Badge>}</> },
    { id: "used", title: "Last used", sort: (one) => one.last_used,
      cell: (one) => <Age time={one.last_used} alwaysPlain /> },
    { id: "created", title: "Logged in", sort: (one) => one.created,
      cell: (one) => <Time time={one.created} seconds={false} /> },
    { id: "expires", title: "Ends at the latest", sort: (one) => one.expires,
      cell: (one) => <Time time={one.expires} seconds={false} /> },
    { id: "do", title: "Actions", pinned: true, cell: (one) => <button type="button" class="danger"
      aria-label={`End the session ${one.id} from ${one.from}`} onClick={() => end(one)}>End</button> },
  ];
  return (
    <>
      {mayManage() && <OtherUser key={asked} user={asked} />}
      {!readable && <p>Type the name of a user to see the user's sessions.</p>}
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {readable && value && (
        <>
          <div class="row">
            <h2>{asked === "" ? "Your sessions" : `Sessions of ${asked}`}</h2>
            {value.sessions.length > 0 && <button type="button" class="danger" onClick={endAll}>End all…</button>}
          </div>
          <DataTable label="Sessions" columns={columns} rows={value.sessions} rowKey={(one) => String(one.id)}
            defaultSort="-used" rowHeight={48} empty="There is no session." />
        </>
      )}
      {ask.dialog}
    </>
  );
}
