/// Puts text on the clipboard. A page that is not from https or loopback has no clipboard API:
/// a text box does it then.
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const box = document.createElement("textarea");
  box.value = text;
  box.style.position = "fixed";
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  if (!done)
    throw new Error("the browser does not let this page copy");
}
