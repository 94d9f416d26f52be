/// Conditions that a person should act on, of the node that answers.
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { count, number } from "../../format/number";
import { type Column, DataTable } from "../../parts/data_table";
import { ErrorLine } from "../../parts/error_line";
import { Badge, Loading } from "../../parts/small";
import { may } from "../../shell/session";

export interface Alarm {
  name: string;
  text: string;
  value: number | null;
  limit: number | null;
  unit: string;
}

/// Those of the report have values; the lines of /health may have others.
export function merged(lines: readonly string[], report: readonly Alarm[]): Alarm[] {
  const known = report.map((one) => one.text);
  const rest = lines.filter((line) => !known.some((text) => line.includes(text)));
  return [...report, ...rest.map((text) => ({ name: "", text, value: null, limit: null, unit: "" }))];
}

/// The status 503 is an answer here, and has the reasons.
async function readiness(signal: AbortSignal): Promise<Schema<"readiness">> {
  return (await (await fetch("/ready", { signal, cache: "no-store" })).json()) as Schema<"readiness">;
}

async function read(signal: AbortSignal) {
  const [health, ready, report] = await Promise.all([
    get("/health", { signal }), readiness(signal),
    may("viewer", true) ? get("/api/v1/database", { signal }) : null,
  ]);
  return { health, ready, alarms: merged(health.alarms, report?.alarms ?? []) };
}

const columns: Column<Alarm>[] = [
  { id: "name", title: "Alarm", sort: (one) => one.name,
    cell: (one) => <Badge tone="bad">{one.name || "alarm"}</Badge> },
  { id: "text", title: "What is wrong", cell: (one) => <span class="wrap">{one.text}</span> },
  { id: "value", title: "Value", numeric: true, cell: (one) => `${number(one.value)} ${one.unit}` },
  { id: "limit", title: "Limit", numeric: true, cell: (one) => `${number(one.limit)} ${one.unit}` },
];

export function Alarms() {
  const { value, problem, loading } = usePoll(read, 3000);
  const n = value?.alarms.length ?? 0;
  return (
    <>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && (
        <p class={`verdict verdict-${n === 0 && value.ready.ready ? "good" : "bad"}`} role="status">
          Node {value.health.node}, version {value.health.version}:{" "}
          {value.ready.ready ? "ready" : "not ready"}, {n === 0 ? "no alarm is raised."
            : `${count(n, "alarm is", "alarms are")} raised.`}
          {value.ready.reasons.length > 0 && <> Not ready because: {value.ready.reasons.join("; ")}.</>}
        </p>
      )}
      {n > 0 && <DataTable label="Alarms" columns={columns} rows={value?.alarms ?? []}
        rowKey={(one) => one.name || one.text} />}
    </>
  );
}
