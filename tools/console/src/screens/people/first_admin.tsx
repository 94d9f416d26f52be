/// A node without users is open to everyone on its computer. Its first admin closes it.
import { useState } from "preact/hooks";
import { get, post } from "../../api/client";
import { usePoll } from "../../api/poll";
import { type ApiProblem, toProblem } from "../../api/problem";
import { ErrorLine } from "../../parts/error_line";
import { readForm } from "../../parts/form_dialog";
import { logIn } from "../../shell/session";
import { say } from "../../shell/toast";
import { different } from "./password";

export function FirstAdmin() {
  const gateways = usePoll((signal) => get("/api/v1/gateways", { signal }), 5000).value?.connected.length ?? 0;
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    const form = readForm(event.currentTarget as HTMLFormElement);
    const [name, password] = [form.text("name"), form.password("password")];
    setBusy(true);
    try {
      if (password !== form.password("again"))
        throw different();
      // With a password of the admin's own, none has to be shown while the node begins to ask for a login.
      await post("/api/v1/users", { farm: "", body: { name, password, role: "admin", farm: "*" } });
      await logIn(name, password, "");
      say(`The node asks for a login from now on. You are logged in as ${name}.`);
    } catch (error) {
      setProblem(toProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <p>This node has no users, no tokens and no token file. It is open: everyone on its computer may do everything.
      </p>
      <p>Make the first admin here, or with <code>furrowd init --database URL</code> on the computer of the node, which
        prints a password once.</p>
      <p><strong>As soon as there is a user, every request needs a login or a token.</strong> That includes gateways
        {gateways > 0 && <> ({gateways} {gateways === 1 ? "is" : "are"} connected now)</>}. A gateway without a token is
        cut off and ends. Its spool keeps what it has recorded. Make a token for it under “Tokens”, and start it again
        with <code>--token-file</code>.</p>
      <form class="narrow" onSubmit={(event) => void send(event)}>
        <label>Name<input name="name" required autocomplete="username" defaultValue="admin" /></label>
        <label>Password
          <input name="password" type="password" required minLength={10} autocomplete="new-password"
            aria-describedby="first-hint" />
          <span class="hint" id="first-hint">At least 10 characters.</span>
        </label>
        <label>Password again
          <input name="again" type="password" required minLength={10} autocomplete="new-password" /></label>
        <ErrorLine problem={problem} />
        <button type="submit" class="primary" disabled={busy}>Make the first admin</button>
      </form>
    </>
  );
}
