/// The screen of the page's address: #/SCREEN[/NAME][?QUERY].
///
///   const from = queryText("from");          // read in a component: drawn again when it changes
///   setQuery({ from: "2026-05-01" });        // replaces the address, without a step in the history
///   <a href={href("machine", { name, query: { tab: "faults" } })}>
import { computed, signal } from "@preact/signals";

export const screen_ids = ["fleet", "machine", "faults", "replay", "fields", "can", "definitions", "ledger", "system",
  "people"] as const;
export type ScreenId = (typeof screen_ids)[number];
export type QueryPatch = Record<string, string | number | boolean | null | undefined>;

export interface Route {
  screen: ScreenId | null; // null: an unknown address
  name: string; // of a machine; empty: none
  query: URLSearchParams;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function readRoute(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1));
  const slash = path.indexOf("/");
  const first = slash < 0 ? path : path.slice(0, slash);
  const name = slash < 0 ? "" : decode(path.slice(slash + 1));
  if (first === "")
    return { screen: "fleet", name: "", query };
  return { screen: screen_ids.find((one) => one === first) ?? null, name, query };
}

export function writeRoute(screen: ScreenId, name: string, query: URLSearchParams): string {
  const text = query.toString();
  return `#/${screen}${name === "" ? "" : "/" + encodeURIComponent(name)}${text === "" ? "" : "?" + text}`;
}

/// Null, undefined, false and "" remove a key.
export function patched(query: URLSearchParams, patch: QueryPatch): URLSearchParams {
  const made = new URLSearchParams(query);
  for (const [key, value] of Object.entries(patch))
    if (value === null || value === undefined || value === "" || value === false)
      made.delete(key);
    else
      made.set(key, String(value));
  return made;
}

const read = (): Route => readRoute(typeof location === "undefined" ? "" : location.hash);
export const route = signal<Route>(read());
/// Which screen and machine, without the query: moves only on navigation.
export const place = computed(() => `${route.value.screen ?? ""}/${route.value.name}`);

export function startRouter(): () => void {
  const changed = () => { route.value = read(); };
  addEventListener("hashchange", changed);
  addEventListener("popstate", changed);
  return () => {
    removeEventListener("hashchange", changed);
    removeEventListener("popstate", changed);
  };
}

export const queryText = (key: string, otherwise = ""): string => route.value.query.get(key) ?? otherwise;
export function queryNumber(key: string, otherwise: number): number {
  const text = route.value.query.get(key);
  const value = text === null || text === "" ? NaN : Number(text);
  return Number.isFinite(value) ? value : otherwise;
}
/// A list as one text, separated by commas.
export const queryList = (key: string): string[] => queryText(key).split(",").filter((one) => one !== "");

/// Changes the query of this screen. `step` adds a step to the history, so that "back" undoes it.
export function setQuery(patch: QueryPatch, step = false): void {
  const { screen, name, query } = route.peek();
  const hash = writeRoute(screen ?? "fleet", name, patched(query, patch));
  if (hash === location.hash)
    return;
  if (step)
    history.pushState(null, "", hash);
  else
    history.replaceState(null, "", hash);
  route.value = read();
}

/// The address of a screen. The farm stays.
export function href(screen: ScreenId, to: { name?: string; query?: QueryPatch } = {}): string {
  const kept = new URLSearchParams();
  const farm = route.value.query.get("farm");
  if (farm)
    kept.set("farm", farm);
  return writeRoute(screen, to.name ?? "", patched(kept, to.query ?? {}));
}

export const go = (screen: ScreenId, to: { name?: string; query?: QueryPatch } = {}): void => {
  location.hash = href(screen, to);
};
