/// The filter of the CAN screen: words that must all fit.
///
///   18FEF1            part of the identifier, the name or the payload
///   id:18FE pgn:65265 src:0 src:0x1C bus:can0
import type { CanFrame } from "./frame";
import { frameName } from "./names";

export type FrameFilter = (frame: CanFrame) => boolean;

const numberOf = (text: string): number => text === "" ? NaN : Number(text);

function wordFilter(word: string): FrameFilter {
  const mark = word.indexOf(":");
  const [key, value] = mark < 0 ? ["", word] : [word.slice(0, mark).toLowerCase(), word.slice(mark + 1)];
  const upper = value.toUpperCase();
  switch (key) {
    case "id":
      return (frame) => frame.id.includes(upper);
    case "pgn":
      return (frame) => frame.pgn !== null && frame.pgn === numberOf(value);
    case "src":
    case "source":
      return (frame) => frame.source !== null && frame.source === numberOf(value);
    case "bus":
      return (frame) => frame.bus === value;
    default: {
      const any = word.toUpperCase();
      return (frame) => frame.id.includes(any) || frame.payload.includes(any) || frameName(frame).includes(any)
        || String(frame.pgn ?? "") === any;
    }
  }
}

/// A word that is not complete yet ("pgn:") fits everything.
export function readFilter(text: string): FrameFilter {
  const words = text.trim().split(/\s+/).filter((one) => one !== "" && !one.endsWith(":")).map(wordFilter);
  return (frame) => words.every((one) => one(frame));
}
