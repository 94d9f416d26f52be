/// A password or token that is shown once, with a button that copies it.
import { useRef, useState } from "preact/hooks";

export function Secret({ label, text }: { label: string; text: string }) {
  const field = useRef<HTMLTextAreaElement>(null);
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
        <textarea ref={field} class="mono" rows={2} readOnly value={text} spellcheck={false}
          onFocus={(event) => event.currentTarget.select()} />
      </label>
      <div class="row">
        <button type="button" class="primary" onClick={() => void copy()}>Copy</button>
        <span role="status">{said}</span>
      </div>
    </div>
  );
}
