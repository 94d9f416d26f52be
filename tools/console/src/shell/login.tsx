import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiProblem, toProblem } from "../api/problem";
import { ErrorLine } from "../parts/error_line";
import { Screen } from "../parts/screen";
import { logIn, session } from "./session";

export function Login() {
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);
  const now = session.value;
  const user = useRef<HTMLInputElement>(null);
  useEffect(() => user.current?.focus(), []);
  const send = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "");
    setBusy(true);
    try {
      await logIn(text("user").trim(), text("password"), text("farm").trim());
    } catch (error) {
      setProblem(toProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main id="main" class="login">
      <Screen title="Log in" plain>
        {now.kind === "out" && now.ended && !problem && <p role="status">The session has ended. Log in again.</p>}
        <form onSubmit={(event) => void send(event)}>
          <label>User<input name="user" autocomplete="username" required ref={user} /></label>
          <label>Password
            <input name="password" type="password" autocomplete="current-password" required />
          </label>
          <label>Farm <span class="hint">Leave it empty for a user of the node or of the farm “default”.</span>
            <input name="farm" autocomplete="off" />
          </label>
          <ErrorLine problem={problem} />
          <button type="submit" class="primary" disabled={busy}>Log in</button>
        </form>
      </Screen>
    </main>
  );
}
