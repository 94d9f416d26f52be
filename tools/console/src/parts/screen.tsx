/// The frame of a screen: its heading, the title of the page, and the focus after navigation.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

let navigated = false; // the first screen leaves the focus where the browser has it

export interface ScreenFrame {
  title: string;
  actions?: ComponentChildren; // beside the heading
  plain?: boolean; // not in the page's grid: the login
  full?: boolean; // as high as the window, with its own scrolling
  children?: ComponentChildren;
}

export function Screen({ title, actions, plain, full, children }: ScreenFrame) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => { document.title = `${title} · Furrow`; }, [title]);
  useEffect(() => {
    if (navigated)
      heading.current?.focus({ preventScroll: true });
    navigated = true;
  }, []);
  return (
    <section class={plain ? "card" : full ? "screen screen-full" : "screen"}>
      <div class="screen-head">
        <h1 ref={heading} tabIndex={-1}>{title}</h1>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
