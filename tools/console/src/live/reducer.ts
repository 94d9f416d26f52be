/// What a client knows of the machines of its farm: messages of the stream go in, names of changed machines come out.
///
/// Shape: plain values, without signals and sockets, so that tests drive it.
/// Errors: `gap` means that a message was missed; the caller opens the stream again without `resume`.
import type {
  Fault, LedgerState, LiveValue, MachineMessage, OwnSignal, StateMessage, ValueMessage,
} from "./messages";

export interface Value {
  value: LiveValue;
  time: string;
  unit: string | null;
  pgn: number | null;
  source: number | null;
  bus: number | null;
}
export interface Machine {
  name: string;
  seq: number;
  connected: boolean;
  node: string;
  relayed: boolean; // a site forwards it: its values are as of the time of the last one
  values: Record<string, Value>;
  seen: string | null; // of a brief stream: the time of the last frame; its values have no time
  activeFaults: number | null; // of a brief stream
  own: Record<string, OwnSignal>;
  faults: Map<string, Fault> | null; // null: not known yet
  ledger: LedgerState | null;
}

export interface Knowledge {
  machines: Map<string, Machine>;
  at: number | null; // null: no whole snapshot yet
  id: string | null; // for `resume`
  shown: Set<string> | null; // machines of the pieces of a snapshot that is not whole yet
}

export interface Outcome {
  changed: string[]; // also new ones
  removed: string[];
  members: boolean; // a machine came or left
  gap: boolean;
}

export const newKnowledge = (): Knowledge => ({ machines: new Map(), at: null, id: null, shown: null });

export const faultKey = (one: Fault): string => `${one.bus} ${one.source} ${one.list} ${one.spn} ${one.fmi}`;

const newMachine = (name: string): Machine =>
  ({ name, seq: 0, connected: false, node: "", relayed: false, values: {}, seen: null, activeFaults: null, own: {},
    faults: null, ledger: null });

/// Before the messages of a new connection: pieces of an old one are not continued.
export function beginConnection(known: Knowledge): void {
  known.shown = null;
}

export function apply(known: Knowledge, message: StateMessage): Outcome {
  const outcome: Outcome = { changed: [], removed: [], members: false, gap: false };
  const snapshot = message.type === "snapshot";
  if (snapshot)
    known.shown ??= new Set();
  else if (known.at === null || (message.from ?? 0) > known.at) {
    outcome.gap = true;
    known.at = null;
    known.id = null;
    return outcome;
  }
  for (const one of message.machines) {
    if (snapshot)
      known.shown?.add(one.name);
    take(known, one, outcome);
  }
  if (message.more)
    return outcome;
  if (snapshot) {
    forgetUnshown(known, outcome);
    known.shown = null;
  }
  known.at = message.at;
  known.id = message.id ?? known.id;
  return outcome;
}

function forgetUnshown(known: Knowledge, outcome: Outcome): void {
  for (const name of known.machines.keys())
    if (!known.shown?.has(name))
      remove(known, name, outcome);
}

function remove(known: Knowledge, name: string, outcome: Outcome): void {
  if (known.machines.delete(name)) {
    outcome.removed.push(name);
    outcome.members = true;
  }
}

function valueOf(said: ValueMessage | LiveValue, was: Value | undefined): Value {
  if (typeof said !== "object" || said === null || !("time" in said))
    return { value: said, time: "", unit: null, pgn: null, source: null, bus: null };
  return {
    value: said.value,
    time: said.time,
    unit: said.unit !== undefined ? said.unit : was?.unit ?? null,
    pgn: said.pgn ?? was?.pgn ?? null,
    source: said.source ?? was?.source ?? null,
    bus: said.bus ?? was?.bus ?? null,
  };
}

function take(known: Knowledge, one: MachineMessage, outcome: Outcome): void {
  if (one.gone) {
    remove(known, one.name, outcome);
    return;
  }
  const before = known.machines.get(one.name);
  if (!before)
    outcome.members = true;
  const machine = before && !one.whole ? before : newMachine(one.name);
  machine.seq = one.seq;
  if (one.connected !== undefined) {
    machine.connected = one.connected;
    machine.relayed = one.relayed ?? false;
  }
  if (one.node !== undefined)
    machine.node = one.node;
  machine.seen = one.seen ?? machine.seen;
  machine.activeFaults = one.active_faults ?? machine.activeFaults;
  for (const key in one.values)
    machine.values[key] = valueOf(one.values[key]!, machine.values[key]);
  Object.assign(machine.own, one.own_signals);
  if (one.faults) {
    machine.faults ??= new Map();
    for (const fault of one.faults)
      if (fault.event === "cleared")
        machine.faults.delete(faultKey(fault));
      else
        machine.faults.set(faultKey(fault), fault);
  }
  if (one.ledger)
    machine.ledger = one.ledger;
  known.machines.set(one.name, machine);
  outcome.changed.push(one.name);
}
