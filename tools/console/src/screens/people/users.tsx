/// Users of the farm, or of every farm: add, change, disable, give a new password, remove.
import { useState } from "preact/hooks";
import { del, get, patch, post } from "../../api/client";
import { allPages } from "../../api/paging";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { count } from "../../format/number";
import { useAsk } from "../../parts/ask";
import { type Column, DataTable } from "../../parts/data_table";
import { Dialog } from "../../parts/dialog";
import { ErrorLine } from "../../parts/error_line";
import { FormDialog, splitNames } from "../../parts/form_dialog";
import { Secret } from "../../parts/secret";
import { Age, Badge, Loading, SearchBox } from "../../parts/small";
import { href, queryText, setQuery } from "../../shell/router";
import { everyFarm, me } from "../../shell/session";
import { say } from "../../shell/toast";
import { FarmField, MachinesField } from "./farm_field";
import { farmMembers, farmOf, farmsText, fullName, machinesText } from "./reach";

type User = Schema<"user">;
type Role = User["role"];

const roles: readonly Role[] = ["viewer", "operator", "admin"];
const role_hints: Record<Role, string> = {
  viewer: "reads", operator: "reads, and changes machines, fields and actors",
  admin: "does everything, also users and tokens",
};

/// An admin of the node sees the users of every farm, whichever farm the page shows.
export const ofList = (): string | undefined => everyFarm.peek() ? "" : undefined;

const read = (signal: AbortSignal) => allPages(async (query) => {
  const page = await get("/api/v1/users", { query, farm: ofList(), signal });
  return { rows: page.users, next: page.next };
});

export const isMe = (one: User): boolean => me.value?.kind === "session" && me.value.name === fullName(one);
const at = (one: User) => ({ path: { name: one.name }, farm: farmOf(one) });

const RoleField = ({ value }: { value: Role }) => (
  <label>Role
    <select name="role">
      {roles.map((one) => <option key={one} value={one} selected={one === value}>{one}: {role_hints[one]}</option>)}
    </select>
  </label>
);

interface Made {
  user: User;
  password: string;
}

function AddUser({ onClose, onMade }: { onClose: () => void; onMade: (user: User) => void }) {
  return (
    <FormDialog title="Add a user" action="Add the user" onClose={onClose} send={async (form) => {
      const password = form.password("password");
      onMade(await post("/api/v1/users", { farm: ofList(), body: {
        name: form.text("name"), role: form.text("role") as Role, title: form.text("title"),
        equipment: form.list("equipment"), ...farmMembers(form.list("farms")), ...(password !== "" && { password }),
      } }));
    }}>
      <label>Name<input name="name" required autocomplete="off" autofocus /></label>
      <FarmField />
      <RoleField value="viewer" />
      <label>Title<input name="title" autocomplete="off" placeholder="for example: driver" /></label>
      <MachinesField />
      <label>Password
        <input name="password" type="password" minLength={10} autocomplete="new-password" aria-describedby="new-hint" />
        <span class="hint" id="new-hint">At least 10 characters. Empty: the node makes one and shows it once.</span>
      </label>
    </FormDialog>
  );
}

function ChangeUser({ user, onClose, after }: { user: User; onClose: () => void; after: () => void }) {
  const ofNode = user.belongs_to === "node" && everyFarm.value;
  return (
    <FormDialog title={`Change ${fullName(user)}`} action="Save" onClose={onClose} send={async (form) => {
      const farms = splitNames(form.text("farms"));
      await patch("/api/v1/users/{name}", { ...at(user), body: {
        role: form.text("role") as Role, title: form.text("title"), equipment: form.list("equipment"),
        version: user.version, ...(ofNode && farms.join() !== user.farms.join() && { farms }),
      } });
      say(`The user ${fullName(user)} is changed.`);
      onClose();
      after();
    }}>
      <RoleField value={user.role} />
      <label>Title<input name="title" autocomplete="off" defaultValue={user.title} /></label>
      {ofNode && <label>Farms
        <input name="farms" required autocomplete="off" defaultValue={user.farms.join(", ")}
          aria-describedby="farms-hint" />
        <span class="hint" id="farms-hint">Names separated by commas, or * for every farm.</span>
      </label>}
      <MachinesField value={user.equipment} />
      <p>A new role, other machines or other farms end the sessions of the user: the user must log in again.
        {isMe(user) && " This is your own login."}</p>
    </FormDialog>
  );
}

export function Users() {
  const { value, problem, loading, reload } = usePoll(read, 5000);
  const [adding, setAdding] = useState(false);
  const [changed, setChanged] = useState<User | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const ask = useAsk(reload);
  const wanted = queryText("q").toLowerCase();
  const rows = (value?.rows ?? []).filter(
    (one) => `${fullName(one)} ${one.title} ${one.role}`.toLowerCase().includes(wanted));
  const open = value?.rows.find((one) => fullName(one) === queryText("user"));
  const close = () => setQuery({ user: null });

  const own = (one: User) => isMe(one) ? " This is your own login: you are logged out at once." : "";
  const enable = (one: User) => ask.open(one.status === "active" ? {
    title: `Disable ${fullName(one)}`, action: "Disable", done: `The user ${fullName(one)} is disabled.`,
    text: `The sessions of ${fullName(one)} end now, at every node within 10 s. The user cannot log in until you `
      + `enable the user again. Nothing is deleted.${own(one)}`,
    run: () => patch("/api/v1/users/{name}", { ...at(one), body: { status: "disabled" } }),
  } : {
    title: `Enable ${fullName(one)}`, action: "Enable", done: `The user ${fullName(one)} is enabled.`,
    text: `${fullName(one)} can log in again, with the password of before and the role ${one.role}.`,
    run: () => patch("/api/v1/users/{name}", { ...at(one), body: { status: "active" } }),
  });
  const renew = (one: User) => ask.open({
    title: `New password for ${fullName(one)}`, action: "Make a password",
    text: `The node makes a new password and shows it once. The old password is void, and the sessions of `
      + `${fullName(one)} end.${isMe(one) ? " This is your own login: better use “Your password”." : ""}`,
    run: async () => {
      const user = await patch("/api/v1/users/{name}", { ...at(one), body: { new_password: true } });
      setMade({ user, password: user.password ?? "" });
    },
  });
  const remove = (one: User) => ask.open({
    title: `Remove ${fullName(one)}`, action: "Remove", done: `The user ${fullName(one)} is removed.`,
    text: `The user ${fullName(one)} and the user's sessions are deleted. Tokens that the user made stay valid. `
      + `The audit log keeps what the user did.${own(one)}`,
    run: () => del("/api/v1/users/{name}", at(one)),
  });
  const closeThen = (act: (one: User) => void, one: User) => () => {
    close();
    act(one);
  };

  const columns: Column<User>[] = [
    { id: "name", title: "User", sort: fullName, cell: (one) => <>{fullName(one)}
      {isMe(one) && <span class="quiet"> (you)</span>}</> },
    { id: "title", title: "Title", extra: true, sort: (one) => one.title || null, cell: (one) => one.title || "–" },
    { id: "role", title: "Role", sort: (one) => roles.indexOf(one.role), cell: (one) => one.role },
    { id: "farms", title: "Farms", sort: (one) => farmsText(one.farms), cell: (one) => farmsText(one.farms) },
    { id: "machines", title: "Machines", extra: true, cell: (one) => machinesText(one.equipment) },
    { id: "status", title: "Status", sort: (one) => one.status,
      cell: (one) => <Badge tone={one.status === "active" ? "good" : "warn"}>{one.status}</Badge> },
    { id: "login", title: "Last login", sort: (one) => one.last_login,
      cell: (one) => one.last_login ? <Age time={one.last_login} alwaysPlain /> : "never" },
  ];

  return (
    <>
      <div class="row">
        <SearchBox label="Search users" value={queryText("q")} onChange={(q) => setQuery({ q })} />
        <span class="quiet">{value && count(rows.length, "user")}{everyFarm.value && " of every farm"}</span>
        <button type="button" class="primary" onClick={() => setAdding(true)}>Add a user…</button>
      </div>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && <DataTable label="Users" columns={columns} rows={rows} rowKey={fullName} sortKey="sort"
        defaultSort="name" selected={queryText("user")} onOpen={(one) => setQuery({ user: fullName(one) })}
        empty="No user matches the search." />}
      {adding && <AddUser onClose={() => setAdding(false)} onMade={(user) => {
        setAdding(false);
        reload();
        if (user.password)
          setMade({ user, password: user.password });
        else
          say(`The user ${fullName(user)} is added.`);
      }} />}
      {open && !changed && (
        <Dialog title={fullName(open)} open onClose={close}>
          <dl class="figures">
            <div><dt>Role</dt><dd>{open.role}</dd></div>
            <div><dt>Farms</dt><dd>{farmsText(open.farms)}</dd></div>
            <div><dt>Machines</dt><dd>{machinesText(open.equipment)}</dd></div>
            <div><dt>Status</dt><dd>{open.status}</dd></div>
            <div><dt>Password</dt><dd>{open.has_password ? "yes" : "none: this user cannot log in"}</dd></div>
            <div><dt>Added</dt><dd><Age time={open.created} alwaysPlain /></dd></div>
          </dl>
          <p>
            <a href={href("people", { query: { tab: "sessions", user: fullName(open) } })}>Sessions of this user</a>
          </p>
          <div class="actions">
            <button type="button" onClick={() => setChanged(open)}>Change…</button>
            <button type="button" onClick={closeThen(renew, open)}>New password…</button>
            <button type="button" onClick={closeThen(enable, open)}>
              {open.status === "active" ? "Disable…" : "Enable…"}</button>
            <button type="button" class="danger" onClick={closeThen(remove, open)}>Remove…</button>
          </div>
        </Dialog>
      )}
      {changed && <ChangeUser user={changed} after={reload} onClose={() => {
        setChanged(null);
        close();
      }} />}
      {made && (
        <Dialog title={`Password of ${fullName(made.user)}`} open onClose={() => setMade(null)}>
          <p>The password is shown only now and stored nowhere. Give it to the user, who can change it.</p>
          <Secret label="Password" text={made.password} />
          <p class="hint">The user logs in as {fullName(made.user)}.</p>
        </Dialog>
      )}
      {ask.dialog}
    </>
  );
}
