/// A command line to copy.
import { useState } from "preact/hooks";

export function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      setCopied(false); // no clipboard without TLS: the text can be selected
    }
  };
  return (
    <span class="command">
      <code>{text}</code>
      <button type="button" aria-label={`Copy ${text}`} onClick={() => void copy()}>
        {copied ? "Copied" : "Copy"}</button>
    </span>
  );
}
