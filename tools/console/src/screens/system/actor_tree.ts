/// Actors as the rows of one tree per node. Pure.
import type { Schema } from "../../api/types";

export type Actor = Schema<"actor">;

export interface ActorRow {
  key: string;
  actor: Actor;
  level: number; // 1: the root of a node
  children: number;
  open: boolean;
  place: number; // among its siblings, from 1
  siblings: number;
}

export const keyOf = (one: Actor): string => `${one.node}/${one.id}`;
const parentOf = (one: Actor): string => `${one.node}/${one.parent}`;
/// Only the actors of single machines belong to one farm. All others serve every farm.
export const isShared = (one: Actor): boolean => !one.name.startsWith("equipment ");

const open_children_max = 40; // an actor with more children is closed at first

const order = new Intl.Collator("en", { numeric: true });

/// `toggled`: those that a person opened or closed against the rule. With `wanted` only the actors whose name has the
/// text are shown, with those above them.
export function visibleActors(actors: readonly Actor[], toggled: ReadonlySet<string>, wanted: string): ActorRow[] {
  const known = new Set(actors.map(keyOf));
  const below = new Map<string, Actor[]>();
  const roots: Actor[] = [];
  for (const one of actors)
    if (one.parent === 0 || !known.has(parentOf(one))) {
      roots.push(one); // a parent that this login may not see
    } else {
      const list = below.get(parentOf(one));
      if (list)
        list.push(one);
      else
        below.set(parentOf(one), [one]);
    }
  const text = wanted.toLowerCase();
  const kept = text === "" ? null : withAncestors(actors, (one) => one.name.toLowerCase().includes(text));
  const rows: ActorRow[] = [];
  const add = (list: readonly Actor[], level: number, above: ReadonlySet<string>) => {
    const shown = list.filter((one) => kept === null || kept.has(keyOf(one)));
    shown.sort((a, b) => order.compare(a.node, b.node) || order.compare(a.name, b.name));
    shown.forEach((actor, i) => {
      const key = keyOf(actor);
      const children = below.get(key) ?? [];
      const usual = children.length <= open_children_max;
      const open = children.length > 0 && (kept !== null || usual !== toggled.has(key));
      rows.push({ key, actor, level, children: children.length, open, place: i + 1, siblings: shown.length });
      if (open && !above.has(key))
        add(children, level + 1, new Set([...above, key])); // `above` ends a circle
    });
  };
  add(roots, 1, new Set());
  return rows;
}

function withAncestors(actors: readonly Actor[], is: (one: Actor) => boolean): Set<string> {
  const byKey = new Map(actors.map((one) => [keyOf(one), one]));
  const kept = new Set<string>();
  for (const one of actors.filter(is))
    for (let at: Actor | undefined = one; at && !kept.has(keyOf(at)); at = byKey.get(parentOf(at)))
      kept.add(keyOf(at));
  return kept;
}

export interface Counts {
  at: number; // milliseconds
  handled: ReadonlyMap<string, number>;
}

export const countsOf = (actors: readonly Actor[], at: number): Counts =>
  ({ at, handled: new Map(actors.map((one) => [keyOf(one), one.handled])) });

/// Messages per second since the counts before; null: not known, for it has started anew since.
export function rateOf(one: Actor, before: Counts | null, at: number): number | null {
  const was = before?.handled.get(keyOf(one));
  if (!before || was === undefined || one.handled < was || at <= before.at)
    return null;
  return (one.handled - was) / ((at - before.at) / 1000);
}
