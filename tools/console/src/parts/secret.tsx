/// A password or token that is shown once, with a button that copies it.
import { useRef, useState } from "preact/hooks";

export function Secret({ label, text }: { label: string; text: string }) {
  const field = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied.");
    } catch {
      // Browsers give pages without TLS no clipboard.
      field.current?.select();
      setSaid("The text is selected. Copy it with Ctrl+C.");
    }
  };
  return (
    <div class="secret">
      <label>{label}
        <input ref={field} class="mono" readOnly value={text} onFocus={(event) => event.currentTarget.select()} />
      </label>
      <div class="row">
        <button type="button" class="primary" onClick={() => void copy()}>Copy</button>
        <span role="status">{said}</span>
      </div>
    </div>
  );
}
