/// Messages of the live stream (docs/live-stream.md).
export interface Position {
  latitude_deg: number;
  longitude_deg: number;
}
export interface Fix {
  method: number;
  satellites: number | null;
  hdop: number | null;
}
export type LiveValue = number | string | boolean | null | Position | Fix;

/// A value as the node sends it: unit, pgn, source and bus only when they are new.
export interface ValueMessage {
  value: LiveValue;
  time: string;
  unit?: string | null;
  pgn?: number;
  source?: number;
  bus?: number;
}
export interface OwnSignal {
  value: number | null;
  state: string;
  unit: string | null;
  label: string | null;
  time: string;
}
export interface Fault {
  event: "present" | "appeared" | "counted" | "cleared";
  bus: number;
  source: number;
  list: "active" | "previous";
  spn: number;
  name?: string | null; // of the signal with this SPN; a node of an older version sends none
  fmi: number;
  meaning: string | null;
  count: number | null;
  lamps: Record<"protect" | "amber_warning" | "red_stop" | "malfunction", unknown>;
  first_seen: string;
  last_seen: string;
}
export interface LedgerState {
  received_seq: number;
  durable_seq: number;
  sent_seq: number;
  frames: number;
  adrift: boolean;
}
/// A machine of a stream with `brief` has `seen` and bare values.
export interface MachineMessage {
  name: string;
  seq: number;
  whole?: boolean;
  gone?: "silent" | "area";
  connected?: boolean;
  node?: string;
  relayed?: true; // by a site; comes with `connected`, and only when it is so
  values?: Record<string, ValueMessage | LiveValue>;
  seen?: string;
  active_faults?: number;
  own_signals?: Record<string, OwnSignal>;
  faults?: Fault[];
  ledger?: LedgerState;
}
export interface HelloMessage {
  type: "hello";
  time: string;
  node: string;
  version: string;
  farm: string;
  heartbeat_ms: number;
}
export interface StateMessage {
  type: "snapshot" | "delta";
  id?: string;
  from?: number;
  at: number;
  time: string;
  more: boolean;
  machines: MachineMessage[];
}
/// A frame as a line of /api/v1/frames?format=jsonl.
export type FrameLine = Record<string, unknown>;
export interface FramesMessage {
  type: "frames";
  machine: string;
  frames: FrameLine[];
}
export interface DroppedMessage {
  type: "dropped";
  frames: number;
}
export interface TickMessage {
  type: "tick";
  time: string;
}
export interface ErrorMessage {
  type: "error";
  id?: unknown;
  code: string;
  message: string;
  hint: string;
}
export type StreamMessage = HelloMessage | StateMessage | FramesMessage | DroppedMessage | TickMessage | ErrorMessage
  | { type: "subscribed" } | { type: "end"; reason: string };
