/// Short messages at the edge of the page: what was done, or why it was not.
import { signal } from "@preact/signals";
import { isAbort, toProblem } from "../api/problem";

interface Toast {
  id: number;
  text: string;
  hint: string;
  error: boolean;
}
const toasts_max = 4;
const shown_ms = 5000;
const toasts = signal<Toast[]>([]);
let last = 0;

function close(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

function show(text: string, hint: string, error: boolean): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text, hint, error }].slice(-toasts_max);
  if (!error)
    setTimeout(() => close(id), shown_ms);
}

/// Says what was done.
export const say = (text: string): void => show(text, "", false);

/// Says what went wrong. Stays until it is closed.
export function sayProblem(error: unknown): void {
  if (isAbort(error))
    return;
  const problem = toProblem(error);
  show(problem.message, problem.hint, true);
}

/// Does it, and says what went wrong; whether it was done.
export async function attempt(action: () => Promise<unknown>, done = ""): Promise<boolean> {
  try {
    await action();
    if (done !== "")
      say(done);
    return true;
  } catch (error) {
    sayProblem(error);
    return false;
  }
}

const Line = ({ one }: { one: Toast }) => (
  <div class={one.error ? "toast toast-error" : "toast"}>
    <div><strong>{one.text}</strong>{one.hint !== "" && <div>{one.hint}</div>}</div>
    <button type="button" class="plain" aria-label="Close the message" onClick={() => close(one.id)}>×</button>
  </div>
);

export const Toasts = () => (
  <div class="toasts">
    <div role="alert">{toasts.value.filter((one) => one.error).map((one) => <Line key={one.id} one={one} />)}</div>
    <div role="status">{toasts.value.filter((one) => !one.error).map((one) => <Line key={one.id} one={one} />)}</div>
  </div>
);
