/// Loads what the sections of a machine's implement did: from its description, and from its stored process data.
import { address, get } from "../../api/client";
import { nodeNow } from "../../format/clock";
import { firstFrames } from "../can/stored";
import { SectionTimeline, planOf, statesOf } from "./sections";

const pgn_process_data = 51_968;
const frames_max = 60_000; // about four hours of an implement that sends four values a second

export interface SectionData {
  line: SectionTimeline | null; // null: no sections are described, or no states are stored
  until: number; // beyond that time the states are not loaded
}

export async function loadSections(name: string, from: number, to: number, signal: AbortSignal): Promise<SectionData> {
  const machine = await get("/api/v1/equipment/{name}", { path: { name }, signal });
  const plan = planOf(machine.implements ?? []);
  if (!plan)
    return { line: null, until: to };
  const line = new SectionTimeline(plan);
  const frames = await firstFrames(address("/api/v1/frames", { query: { equipment: name, pgn: pgn_process_data,
    from: new Date(from).toISOString(), to: new Date(Math.min(to, nodeNow())).toISOString(), format: "jsonl" } }),
    frames_max, signal);
  for (const one of frames) {
    const states = one.source === plan.source ? statesOf(one.payload) : null;
    if (states)
      line.add(one.at, states.first, states.on);
  }
  const cut = frames.length >= frames_max;
  return { line: line.known ? line : null, until: cut ? frames.at(-1)?.at ?? from : to };
}
