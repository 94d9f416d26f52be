/// A form in a dialog. It stays open with the node's message when the request fails.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type ApiProblem, toProblem } from "../api/problem";
import { Dialog } from "./dialog";
import { ErrorLine } from "./error_line";

export interface FormDialogProps {
  title: string;
  action: string; // the verb on the button
  onClose: () => void;
  send: (form: FormReader) => Promise<unknown>; // closes the dialog itself, when it has succeeded
  children: ComponentChildren;
}

export interface FormReader {
  text: (name: string) => string; // without spaces around it
  password: (name: string) => string; // as it was typed
  list: (name: string) => string[]; // separated by commas or spaces
}

/// "T1, T2" as a list.
export const splitNames = (text: string): string[] => text.split(/[,\s]+/).filter((one) => one !== "");

export function readForm(form: HTMLFormElement): FormReader {
  const data = new FormData(form);
  const password = (name: string) => String(data.get(name) ?? "");
  const text = (name: string) => password(name).trim();
  return { text, password, list: (name) => splitNames(text(name)) };
}

export function FormDialog({ title, action, onClose, send, children }: FormDialogProps) {
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = readForm(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem(undefined);
    try {
      await send(form);
    } catch (error) {
      setProblem(toProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} open onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {children}
        <ErrorLine problem={problem} />
        <div class="actions">
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={busy}>{action}</button>
        </div>
      </form>
    </Dialog>
  );
}
