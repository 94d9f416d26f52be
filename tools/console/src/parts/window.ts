/// Which rows of a long list are visible.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

export interface VisibleRows {
  first: number;
  end: number;
}

/// With `extra` rows before and after, so that scrolling does not show gaps.
export function visibleRows(top: number, height: number, rowHeight: number, count: number, extra = 8): VisibleRows {
  const first = Math.max(0, Math.min(count, Math.floor(top / rowHeight) - extra));
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + extra);
  return { first, end: Math.max(first, end) };
}

/// How many of `most` columns do not fit, because the element would scroll sideways. It begins anew with another width of
/// the element.
export function useTooWide(of: RefObject<HTMLElement | null>, most: number): number {
  const [leave, setLeave] = useState(0);
  useLayoutEffect(() => {
    const element = of.current;
    if (element && leave < most && element.scrollWidth > element.clientWidth)
      setLeave(leave + 1);
  });
  useEffect(() => {
    const element = of.current;
    if (!element)
      return undefined;
    let width = element.offsetWidth; // with the scroll bar, which comes and goes with the rows
    const sizes = new ResizeObserver(() => {
      if (element.offsetWidth !== width)
        setLeave(0);
      width = element.offsetWidth;
    });
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);
  return leave;
}

/// Of the element that scrolls.
export function useVisibleRows(of: RefObject<HTMLElement | null>, rowHeight: number, count: number): VisibleRows {
  const [view, setView] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const element = of.current;
    if (!element)
      return undefined;
    const look = () => setView((was) => was.top === element.scrollTop && was.height === element.clientHeight
      ? was : { top: element.scrollTop, height: element.clientHeight });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  return visibleRows(view.top, view.height, rowHeight, count);
}
