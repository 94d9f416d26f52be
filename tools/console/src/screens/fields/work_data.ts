/// Loads what machines did in a field: positions of working telemetry, and yield samples.
import { get } from "../../api/client";
import { eachTelemetry } from "../../api/series";
import { CoverageGrid, type Coverage, type Step } from "./coverage";
import { type Polygon, contains } from "./geojson";
import { type SectionData, loadSections } from "./section_data";
import { sweepSections } from "./sections";
import { type Sample, readSample } from "./yield";

export interface WorkQuery {
  machines: readonly string[];
  from: string;
  to: string;
  widthM: number;
  boundary: Polygon;
  box: [number, number, number, number];
}
export interface Work {
  coverage: Coverage;
  workingMs: number; // in the field
  rows: number; // of telemetry in the field
  samples: Sample[][]; // of each machine
  bySection: string[]; // implements whose section states were used; without any the width that was typed
  cut: boolean; // there was more than is loaded
}

const rows_max = 400_000;
const samples_max = 100_000;
const row_ms_max = 60_000;

export async function loadWork(query: WorkQuery, signal: AbortSignal, progress: (text: string) => void): Promise<Work> {
  const grid = new CoverageGrid(query.boundary, query.box, query.widthM / 4);
  const work: Work = { coverage: grid.result, workingMs: 0, rows: 0, samples: [],
    bySection: [], cut: false };
  const inside = (longitude: number, latitude: number) => {
    const [west, south, east, north] = query.box;
    return longitude >= west && longitude <= east && latitude >= south && latitude <= north
      && contains(query.boundary, longitude, latitude);
  };
  for (const name of query.machines) {
    progress(`${name}: sections of the implement`);
    const sections = await loadSections(name, Date.parse(query.from), Date.parse(query.to), signal);
    if (sections.line)
      work.bySection.push(`${sections.line.plan.title} of ${name}`);
    await loadTelemetry(name, query, sections, grid, work, inside, signal, progress);
    work.samples.push(await loadSamples(name, query, work, inside, signal, progress));
  }
  return work;
}

type Inside = (longitude: number, latitude: number) => boolean;

async function loadTelemetry(name: string, query: WorkQuery, sections: SectionData, grid: CoverageGrid, work: Work,
  inside: Inside, signal: AbortSignal, progress: (text: string) => void): Promise<void> {
  let before: Step | null = null;
  let read = 0;
  const range = { from: Date.parse(query.from), to: Date.parse(query.to) };
  await eachTelemetry(name, ["mode", "latitude_deg", "longitude_deg"], range, null, signal, ({ times, columns }, next) => {
    const { mode, latitude_deg, longitude_deg } = columns;
    times.forEach((at, i) => {
      const [latitude, longitude] = [latitude_deg?.[i], longitude_deg?.[i]];
      if (typeof latitude !== "number" || typeof longitude !== "number")
        return;
      const step: Step = { at, latitude, longitude };
      const works = mode?.[i] === "working";
      if (works && inside(longitude, latitude)) {
        work.rows += 1;
        if (before && step.at - before.at <= row_ms_max)
          work.workingMs += step.at - before.at;
      }
      if (before && sections.line && step.at <= sections.until)
        sweepSections(grid, before, step, sections.line);
      else if (works && before)
        grid.sweep(before, step, query.widthM);
      before = works || sections.line ? step : null;
    });
    read += times.length;
    progress(`${name}: ${read} rows of telemetry`);
    work.cut ||= read >= rows_max && next !== null;
    return read < rows_max;
  });
}

async function loadSamples(name: string, query: WorkQuery, work: Work, inside: Inside, signal: AbortSignal,
  progress: (text: string) => void): Promise<Sample[]> {
  const samples: Sample[] = [];
  let after: string | null = null;
  do {
    const page: { records: Record<string, unknown>[]; next: string | null } = await get("/api/v1/records",
      { query: { equipment: name, kind: "yield", from: query.from, to: query.to, limit: 10_000, after }, signal });
    for (const record of page.records) {
      const sample = readSample(record);
      if (sample && inside(sample.longitude, sample.latitude))
        samples.push(sample);
    }
    after = page.next;
    progress(`${name}: ${samples.length} yield samples`);
    if (samples.length >= samples_max && after !== null) {
      work.cut = true;
      break;
    }
  } while (after !== null);
  return samples;
}
