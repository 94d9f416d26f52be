/// Which machines a filter of the fleet shows. Pure.
import type { Machine } from "../../live/reducer";
import { activeFaults, isSilent, modeOf } from "../../live/values";
import type { Tone } from "../../parts/small";

export const mode_tones: Record<string, Tone> = { working: "good", moving: "info", idle: "warn" };

export const statuses = ["connected", "working", "moving", "idle", "off", "silent", "faults"] as const;
export type Status = (typeof statuses)[number];
export const status_titles: Record<Status, string> = {
  connected: "Connected", working: "Working", moving: "Moving", idle: "Idle", off: "Engine off", silent: "Silent",
  faults: "Active faults",
};

/// The mode of a machine that still sends; a silent machine has no mode.
export const modeNow = (machine: Machine, now: number): string => isSilent(machine, now) ? "silent" : modeOf(machine);

export function hasStatus(machine: Machine, status: Status, now: number): boolean {
  switch (status) {
    case "connected":
      return machine.connected;
    case "faults":
      return (activeFaults(machine) ?? 0) > 0;
    default:
      return modeNow(machine, now) === status;
  }
}

export function statusCounts(machines: readonly Machine[], now: number): Record<Status, number> {
  const counts: Record<Status, number> =
    { connected: 0, working: 0, moving: 0, idle: 0, off: 0, silent: 0, faults: 0 };
  for (const machine of machines) {
    counts.connected += machine.connected ? 1 : 0;
    counts.faults += hasStatus(machine, "faults", now) ? 1 : 0;
    const mode = readStatus(modeNow(machine, now));
    if (mode)
      counts[mode] += 1;
  }
  return counts;
}

export const readStatus = (text: string): Status | null => statuses.find((one) => one === text) ?? null;

/// A machine of the farm that no node shows: it is known by name only.
export const unseenMachine = (name: string): Machine =>
  ({ name, seq: 0, connected: false, node: "", relayed: false, values: {}, seen: null, activeFaults: null, own: {},
    faults: null, ledger: null });

/// When each machine that a site forwards was last heard; null: never.
export type OfSites = ReadonlyMap<string, string | null>;

/// The machines of the stream, and those that are only on record. Of these, what is known of the machines of sites:
/// while the line of a site is away, no node shows them.
export function withUnseen(live: ReadonlyMap<string, Machine>, onRecord: readonly string[],
  ofSites: OfSites = new Map()): Machine[] {
  const all = [...live.values()];
  for (const name of onRecord)
    if (!live.has(name)) {
      const one = unseenMachine(name);
      one.relayed = ofSites.has(name);
      one.seen = ofSites.get(name) ?? null;
      all.push(one);
    }
  return all;
}
