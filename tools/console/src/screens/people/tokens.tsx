/// Tokens of gateways and programs: make one, which is shown once; revoke.
import { useState } from "preact/hooks";
import { del, get, post } from "../../api/client";
import { allPages } from "../../api/paging";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { clock } from "../../format/clock";
import { count } from "../../format/number";
import { parseTime } from "../../format/time";
import { useAsk } from "../../parts/ask";
import { type Column, DataTable } from "../../parts/data_table";
import { Dialog } from "../../parts/dialog";
import { ErrorLine } from "../../parts/error_line";
import { FormDialog } from "../../parts/form_dialog";
import { Secret } from "../../parts/secret";
import { Age, Badge, Loading, SearchBox, Time } from "../../parts/small";
import { queryText, setQuery } from "../../shell/router";
import { everyFarm } from "../../shell/session";
import { FarmField, MachinesField } from "./farm_field";
import { endOfDay, farmMembers, farmOf, farmsText, fullName, machinesText } from "./reach";
import { ofList } from "./users";

type Token = Schema<"token">;
type Role = Token["role"];

const role_texts: Record<Role, string> = {
  gateway: "gateway: sends for its machines", relay: "relay: sends for every machine of one farm",
  viewer: "viewer: reads", operator: "operator: reads and changes", admin: "admin: does everything",
};

const read = (signal: AbortSignal) => allPages(async (query) => {
  const page = await get("/api/v1/tokens", { query, farm: ofList(), signal });
  return { rows: page.tokens, next: page.next };
});

const week_ms = 7 * 86_400_000;

function Expiry({ one }: { one: Token }) {
  const at = parseTime(one.expires);
  if (at === null)
    return <>never</>;
  const left = at - clock.value;
  const tone = left <= 0 ? "bad" : left < week_ms ? "warn" : null;
  return (
    <>{tone && <Badge tone={tone}>{left <= 0 ? "expired" : "soon"}</Badge>}{" "}
      <Time time={one.expires} seconds={false} /></>
  );
}

function MakeToken({ onClose, onMade }: { onClose: () => void; onMade: (token: Token) => void }) {
  return (
    <FormDialog title="Make a token" action="Make the token" onClose={onClose} send={async (form) => {
      const expires = endOfDay(form.text("expires"));
      onMade(await post("/api/v1/tokens", { farm: ofList(), body: {
        name: form.text("name"), role: form.text("role") as Role, equipment: form.list("equipment"),
        ...farmMembers(form.list("farms")), ...(expires && { expires }),
      } }));
    }}>
      <label>Name
        <input name="name" required autocomplete="off" autofocus placeholder="for example: the machine" /></label>
      <FarmField />
      <label>Role
        <select name="role">
          {(Object.keys(role_texts) as Role[]).map((one) => <option key={one} value={one}>{role_texts[one]}</option>)}
        </select>
      </label>
      <MachinesField />
      <label>Last day<input name="expires" type="date" aria-describedby="expires-hint" />
        <span class="hint" id="expires-hint">Empty: the token does not expire.</span>
      </label>
    </FormDialog>
  );
}

export function Tokens() {
  const { value, problem, loading, reload } = usePoll(read, 5000);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Token | null>(null);
  const ask = useAsk(reload);
  const wanted = queryText("q").toLowerCase();
  const rows = (value?.rows ?? []).filter(
    (one) => `${fullName(one)} ${one.role} ${one.equipment.join(" ")}`.toLowerCase().includes(wanted));

  const revoke = (one: Token) => ask.open({
    title: `Revoke the token ${fullName(one)}`, action: "Revoke", done: `The token ${fullName(one)} is revoked.`,
    text: `Connections that use the token ${fullName(one)} are cut within 10 s, at every node. `
      + (one.role === "gateway" || one.role === "relay"
        ? "Gateways with it end, and record nothing until they are started with another token. Their spools keep what "
          + "they have recorded."
        : "Programs with it get no more answers.")
      + " A revoked token does not come back.",
    run: () => del("/api/v1/tokens/{name}", { path: { name: one.name }, farm: farmOf(one) }),
  });

  const columns: Column<Token>[] = [
    { id: "name", title: "Token", sort: fullName, cell: fullName },
    { id: "role", title: "Role", sort: (one) => one.role, cell: (one) => one.role },
    { id: "farms", title: "Farms", sort: (one) => farmsText(one.farms), cell: (one) => farmsText(one.farms) },
    { id: "machines", title: "Machines", extra: true, cell: (one) => machinesText(one.equipment) },
    { id: "used", title: "Last used", sort: (one) => one.last_used,
      cell: (one) => one.last_used ? <Age time={one.last_used} alwaysPlain /> : "never" },
    { id: "expires", title: "Expires", sort: (one) => one.expires, cell: (one) => <Expiry one={one} /> },
    { id: "by", title: "Made", extra: true, sort: (one) => one.created,
      cell: (one) => <><Age time={one.created} alwaysPlain /> <span class="quiet">by {one.created_by}</span></> },
    { id: "do", title: "Actions", pinned: true,
      cell: (one) => <button type="button" class="danger" aria-label={`Revoke ${fullName(one)}`}
        onClick={() => revoke(one)}>Revoke</button> },
  ];

  return (
    <>
      <div class="row">
        <SearchBox label="Search tokens" value={queryText("q")} onChange={(q) => setQuery({ q })} />
        <span class="quiet">{value && count(rows.length, "token")}{everyFarm.value && " of every farm"}</span>
        <button type="button" class="primary" onClick={() => setMaking(true)}>Make a token…</button>
      </div>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && <DataTable label="Tokens" columns={columns} rows={rows} rowKey={fullName} sortKey="sort"
        defaultSort="name" rowHeight={48}
        empty={value.rows.length === 0 ? "There is no token yet." : "No token matches the search."} />}
      {making && <MakeToken onClose={() => setMaking(false)} onMade={(token) => {
        setMaking(false);
        setMade(token);
        reload();
      }} />}
      {made && (
        <Dialog title={`Token ${fullName(made)}`} open onClose={() => setMade(null)}>
          <p>The token is shown only now. The database keeps its SHA-256 only. Copy it before you close this.</p>
          <Secret label="Token" text={made.token ?? ""} />
          <p class="hint">A gateway reads it from a file: <code>furrow-edge run --token-file FILE …</code></p>
        </Dialog>
      )}
      {ask.dialog}
    </>
  );
}
