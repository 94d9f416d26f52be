/// One's own password.
import { useState } from "preact/hooks";
import { put } from "../../api/client";
import { ApiProblem, toProblem } from "../../api/problem";
import { ErrorLine } from "../../parts/error_line";
import { readForm } from "../../parts/form_dialog";
import { me } from "../../shell/session";
import { say } from "../../shell/toast";

export const different = () =>
  new ApiProblem(0, "not_same", "the two new passwords differ", "type the new password twice");

export function Password() {
  const [problem, setProblem] = useState<ApiProblem>();
  const send = async (event: Event) => {
    event.preventDefault();
    const element = event.currentTarget as HTMLFormElement;
    const form = readForm(element);
    try {
      if (form.password("new") !== form.password("again"))
        throw different();
      await put("/api/v1/me/password", { body: { old: form.password("old"), new: form.password("new") } });
      element.reset();
      setProblem(undefined);
      say("The password is changed. Your other sessions are ended.");
    } catch (error) {
      setProblem(toProblem(error));
    }
  };
  return (
    <form class="narrow" onSubmit={(event) => void send(event)}>
      <p>A new password ends your other sessions. This page stays logged in.</p>
      <input type="hidden" name="username" autocomplete="username" value={me.value?.name ?? ""} />
      <label>Old password<input name="old" type="password" required autocomplete="current-password" /></label>
      <label>New password
        <input name="new" type="password" required minLength={10} autocomplete="new-password"
          aria-describedby="new-hint" />
        <span class="hint" id="new-hint">At least 10 characters.</span>
      </label>
      <label>New password again
        <input name="again" type="password" required minLength={10} autocomplete="new-password" /></label>
      <ErrorLine problem={problem} />
      <button type="submit" class="primary">Change the password</button>
    </form>
  );
}
