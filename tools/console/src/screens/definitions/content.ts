/// The messages and signals of a DBC file as rows, and which file a file replaces. Pure.
import type { Schema } from "../../api/types";
import { number, unitText } from "../../format/number";

export type DbcFile = Schema<"dbc_file">;
type Message = Schema<"dbc_message">;
type Signal = Schema<"dbc_signal">;

export interface SignalRow {
  key: string;
  message: Message;
  signal: Signal | null; // null: a message without signals
}

export const rowsOf = (messages: readonly Message[]): SignalRow[] => messages.flatMap((message): SignalRow[] => {
  const key = `${message.extended ? "x" : "s"}${message.id}`;
  return message.signals.length === 0 ? [{ key, message, signal: null }]
    : message.signals.map((signal, i) => ({ key: `${key} ${i}`, message, signal }));
});

/// "18FEF100", "123" for 11 bits
export const idText = ({ id, extended }: { id: number; extended: boolean }): string =>
  id.toString(16).toUpperCase().padStart(extended ? 8 : 3, "0");

/// All words are in the names, the identifier, the PGN, the SPN, the unit or the comments.
export function fitsWords({ message, signal }: SignalRow, words: string): boolean {
  const all = [message.name, idText(message), message.pgn, message.comment, signal?.name, signal?.unit,
    signal?.spn, signal?.comment].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((one) => all.includes(one));
}

/// "bit 8, 16 bits, motorola, signed"
export const bitsText = (of: Signal): string =>
  [`bit ${of.start}`, `${of.length} ${of.length === 1 ? "bit" : "bits"}`, of.order === "motorola" ? "motorola" : "",
    of.float ? "float" : of.signed ? "signed" : ""].filter((one) => one !== "").join(", ");

const plain = (value: number | string | null): string => typeof value === "string" ? value : number(value);

/// "0.125 × raw − 250 rpm"
export function formulaText(of: Signal): string {
  const offset = of.offset === 0 || of.offset === null ? ""
    : typeof of.offset === "number" && of.offset < 0 ? ` − ${number(-of.offset)}` : ` + ${plain(of.offset)}`;
  const raw = of.scale === 1 ? "raw" : `${plain(of.scale)} × raw`;
  return `${raw}${offset} ${unitText(of.unit)}`.trim();
}

export const sameScope = (a: DbcFile, b: DbcFile): boolean =>
  a.name === b.name && a.farm === b.farm && a.equipment === b.equipment;

/// What a file is compared with: an older file with the active one, the active one with the newest before it.
export function comparedWith(file: DbcFile, all: readonly DbcFile[]): DbcFile | null {
  const others = all.filter((one) => one.id !== file.id && sameScope(one, file));
  if (!file.active)
    return others.find((one) => one.active) ?? null;
  return others.reduce<DbcFile | null>((newest, one) => !newest || one.id > newest.id ? one : newest, null);
}
