/// A modal dialog. It is there while `open`; Escape and the browser's back of a phone call onClose.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export interface DialogProps {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, open, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    if (open && dialog && !dialog.open)
      dialog.showModal();
    return () => {
      dialog?.close();
      // The browser gives the focus back only while the dialog is in the page.
      if (open && before instanceof HTMLElement && before.isConnected)
        before.focus();
    };
  }, [open]);
  if (!open)
    return null;
  return (
    <dialog ref={element} aria-labelledby={heading} onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <div class="screen-head">
        <h2 id={heading}>{title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick={onClose}>×</button>
      </div>
      {children}
    </dialog>
  );
}

export interface ConfirmProps extends Omit<DialogProps, "children"> {
  children: ComponentChildren; // what will happen
  action: string; // the verb on the button
  onConfirm: () => void;
}
export const Confirm = ({ action, onConfirm, children, ...rest }: ConfirmProps) => (
  <Dialog {...rest}>
    {children}
    <div class="actions">
      <button type="button" onClick={rest.onClose}>Cancel</button>
      <button type="button" class="danger" onClick={onConfirm}>{action}</button>
    </div>
  </Dialog>
);
