/// The sections of an implement: where they are, and which of them worked when. Pure.
///
/// Shape: places and widths come from the implement's description, states from its process data (DDI 161 to 176: sixteen
///   sections in one value, two bits each).
/// Units: metres from the machine's antenna, forward and to the right; times in milliseconds.
/// Source: ISO 11783-11.
import type { Schema } from "../../api/types";
import type { CoverageGrid, Step } from "./coverage";

export interface Section {
  forwardM: number;
  rightM: number;
  widthM: number;
}
export interface SectionPlan {
  title: string; // of the implement
  source: number; // its address
  sections: Section[];
}

const ddi_width = 67;
const ddi_offset_x = 134;
const ddi_offset_y = 135;
const ddi_states_first = 161;
const ddi_states_last = 176;
const states_a_value = 16;
const state_on = 1;
const step_min_m = 0.05; // shorter steps have no direction
const metres_per_degree = 111_195;

type Implement = Schema<"implement">;

/// Null: no implement of the machine describes its sections.
export function planOf(implementsOf: readonly Implement[]): SectionPlan | null {
  for (const one of implementsOf) {
    const sections = one.elements.filter((element) => element.type === "section").sort((a, b) => a.number - b.number)
      .flatMap((element): Section[] => {
        const metres = (ddi: number) => {
          const raw = element.properties.find((property) => property.ddi === ddi)?.raw;
          return raw === undefined ? null : raw / 1000;
        };
        const [rightM, widthM] = [metres(ddi_offset_y), metres(ddi_width)];
        return rightM === null || widthM === null ? [] : [{ forwardM: metres(ddi_offset_x) ?? 0, rightM, widthM }];
      });
    if (sections.length > 0)
      return { title: one.device?.designator ?? "the implement", source: one.address, sections };
  }
  return null;
}

/// The first section and the states of a frame with section states; null: another frame. `payload`: hex.
export function statesOf(payload: string): { first: number; on: boolean[] } | null {
  const bytes = payload.match(/../g)?.map((one) => parseInt(one, 16)) ?? [];
  if (bytes.length !== 8 || ((bytes[0] ?? 0) & 15) !== 3)
    return null;
  const ddi = (bytes[2] ?? 0) | ((bytes[3] ?? 0) << 8);
  if (ddi < ddi_states_first || ddi > ddi_states_last)
    return null;
  const on = Array.from({ length: states_a_value }, (_, i) =>
    (((bytes[4 + (i >> 2)] ?? 0) >> (2 * (i & 3))) & 3) === state_on);
  return { first: (ddi - ddi_states_first) * states_a_value, on };
}

/// Which sections worked when. States come in order of time.
export class SectionTimeline {
  readonly #times: number[] = [];
  readonly #states: (readonly boolean[])[] = [];

  constructor(readonly plan: SectionPlan) {}

  get known(): boolean { return this.#times.length > 0; }

  add(at: number, first: number, on: readonly boolean[]): void {
    const last = this.#states.at(-1) ?? [];
    if (on.every((one, i) => (last[first + i] ?? false) === one) && this.#times.length > 0)
      return;
    const next = [...last];
    on.forEach((one, i) => { next[first + i] = one; });
    this.#times.push(at);
    this.#states.push(next);
  }

  /// Null: nothing is known of this time.
  at(time: number): readonly boolean[] | null {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle] ?? 0) <= time)
        low = middle + 1;
      else
        high = middle;
    }
    return this.#states[low - 1] ?? null;
  }
}

const moved = (step: Step, eastM: number, northM: number): Step => ({
  at: step.at, latitude: step.latitude + northM / metres_per_degree,
  longitude: step.longitude + eastM / (metres_per_degree * Math.cos((step.latitude * Math.PI) / 180)),
});

/// The way of each section that is on.
export function sweepSections(grid: CoverageGrid, from: Step, to: Step, line: SectionTimeline): void {
  const on = line.at(from.at);
  const north = (to.latitude - from.latitude) * metres_per_degree;
  const east = (to.longitude - from.longitude) * metres_per_degree * Math.cos((from.latitude * Math.PI) / 180);
  const length = Math.hypot(north, east);
  if (on === null || length < step_min_m)
    return;
  const [forwardE, forwardN] = [east / length, north / length];
  line.plan.sections.forEach(({ forwardM, rightM, widthM }, i) => {
    if (!on[i])
      return;
    const shift = [forwardE * forwardM + forwardN * rightM, forwardN * forwardM - forwardE * rightM] as const;
    grid.sweep(moved(from, ...shift), moved(to, ...shift), widthM);
  });
}
