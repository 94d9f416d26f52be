/// The faults of the fleet as rows: stored ones, and those that ECUs report as previous now. Pure.
import type { Schema } from "../../api/types";
import type { Machine } from "../../live/reducer";
import { type Lamp, lamps, urgentLamp } from "../../live/values";

export type StoredFault = Schema<"bus_fault">;
export const states = ["active", "history", "previous"] as const;
export type State = (typeof states)[number];
export const state_titles: Record<State, string> =
  { active: "Active", history: "History", previous: "Previous (DM2)" };
export const readState = (text: string): State => states.find((one) => one === text) ?? "active";

export interface Row {
  key: string;
  machine: string;
  state: "active" | "cleared" | "previous";
  bus: string;
  source: number;
  spn: number;
  name: string | null; // of the signal with this SPN
  fmi: number;
  meaning: string | null;
  lamp: Lamp;
  count: number | null;
  appearances: number | null;
  first: string;
  last: string;
  cleared: string | null;
}

export const storedRow = (one: StoredFault): Row => ({
  key: `${one.equipment} ${one.bus} ${one.source} ${one.spn} ${one.fmi} ${one.first_seen}`, machine: one.equipment,
  state: one.active ? "active" : "cleared", bus: one.bus, source: one.source, spn: one.spn,
  name: one.name ?? null, fmi: one.fmi, meaning: one.meaning, lamp: one.lamp, count: one.occurrences,
  appearances: one.appearances, first: one.first_seen, last: one.last_seen, cleared: one.cleared,
});

/// DM2 of the machines in the live view; the node does not store them.
export function previousRows(machines: Iterable<Machine>): Row[] {
  const rows: Row[] = [];
  for (const machine of machines)
    for (const [key, one] of machine.faults ?? [])
      if (one.list === "previous")
        rows.push({ key: `${machine.name} ${key}`, machine: machine.name, state: "previous", bus: String(one.bus),
          source: one.source, spn: one.spn, name: one.name ?? null, fmi: one.fmi, meaning: one.meaning,
          lamp: urgentLamp(one.lamps), count: one.count, appearances: null, first: one.first_seen, last: one.last_seen, cleared: null });
  return rows;
}

export interface Filter {
  machine: string; // a part of the name
  spn: string; // a number, or several with commas
  lamp: string; // this lamp or a more urgent one
}

export function fits(row: Row, { machine, spn, lamp }: Filter): boolean {
  const numbers = spn.split(/[\s,]+/).filter((one) => one !== "").map(Number);
  const least = lamps.indexOf(lamp as Lamp);
  return row.machine.toLowerCase().includes(machine.toLowerCase())
    && (numbers.length === 0 || numbers.includes(row.spn)) && (least < 0 || lamps.indexOf(row.lamp) <= least);
}

export interface Summary {
  machines: number;
  lamps: Record<Lamp, number>;
}
export function summaryOf(rows: readonly Row[]): Summary {
  const counts: Record<Lamp, number> = { red: 0, malfunction: 0, amber: 0, protect: 0, off: 0 };
  for (const row of rows)
    counts[row.lamp] += 1;
  return { machines: new Set(rows.map((row) => row.machine)).size, lamps: counts };
}
