/// How the node uses its database: pool, statements, alarms, advice, slow statements, migrations.
import { get, post } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { count, number } from "../../format/number";
import { duration } from "../../format/time";
import { useAsk } from "../../parts/ask";
import { type Column, DataTable } from "../../parts/data_table";
import { ErrorLine } from "../../parts/error_line";
import { Badge, Loading, Time } from "../../parts/small";
import { may } from "../../shell/session";

type Report = Schema<"databaseReport">;
type Slow = Report["slow_statements"][number];
type Migration = Schema<"migration">;
type Pool = NonNullable<Schema<"pool">>;

export const ms = (value: number | null | undefined): string =>
  typeof value === "number" ? `${number(value)} ms` : "–";
export const atMost = (value: number | null | undefined): string =>
  typeof value === "number" ? `≤ ${number(value)} ms` : "–";

async function read(signal: AbortSignal) {
  const [report, monitor] = await Promise.all([
    get("/api/v1/database", { signal }), get("/monitoring/database", { signal })]);
  return { report, monitor };
}

function PoolFigures({ pool }: { pool: Pool }) {
  return (
    <section aria-labelledby="pool">
      <h2 id="pool">Connections</h2>
      <label class="meter">
        {number(pool.in_use)} of {number(pool.max)} connections are in use; the peak of the last minute is{" "}
        {number(pool.in_use_peak)}.
        <meter min={0} max={pool.max} high={pool.max * 0.8} optimum={0} value={pool.in_use} />
      </label>
      <dl class="figures">
        <div><dt>Open</dt><dd>{number(pool.open)}</dd></div>
        <div><dt>Idle</dt><dd>{number(pool.idle)}</dd></div>
        <div><dt>Beyond the limit</dt><dd>{number(pool.overflow)} of {number(pool.overflow_max)}</dd></div>
        <div><dt>Of the lanes</dt><dd>{number(pool.lanes)}</dd></div>
        <div><dt>Queries that wait</dt><dd>{number(pool.waiting)}</dd></div>
        <div><dt>Waited in vain</dt><dd>{number(pool.timeouts)}</dd></div>
        <div><dt>Not opened</dt><dd>{number(pool.open_failures)}</dd></div>
        <div><dt>Refused by a full server</dt><dd>{number(pool.server_full)}</dd></div>
        <div><dt>Broken</dt><dd>{number(pool.broken)}</dd></div>
        <div><dt>Waiting for a connection, 99 %</dt><dd>{atMost(pool.acquire.p99_ms_max)}</dd></div>
      </dl>
    </section>
  );
}

function Statements({ of }: { of: NonNullable<Report["statements"]> }) {
  return (
    <section aria-labelledby="statements">
      <h2 id="statements">Statements</h2>
      <dl class="figures">
        <div><dt>Since the start</dt><dd>{number(of.count)}</dd></div>
        <div><dt>Successful</dt><dd>{of.success_pct === null ? "–" : `${number(of.success_pct)} %`}</dd></div>
        <div><dt>Failed</dt><dd>{number(of.failed)}</dd></div>
        <div><dt>Slower than {number(of.slow_after_ms)} ms</dt><dd>{number(of.slow)}</dd></div>
        <div><dt>Mean time</dt><dd>{ms(of.latency.mean_ms)}</dd></div>
        <div><dt>Median</dt><dd>{atMost(of.latency.p50_ms_max)}</dd></div>
        <div><dt>99 %</dt><dd>{atMost(of.latency.p99_ms_max)}</dd></div>
        <div><dt>Rows/s</dt><dd>{number(of.rows_per_s)}</dd></div>
        <div><dt>Frames/s</dt><dd>{number(of.frames_per_s)}</dd></div>
        <div><dt>Deadlocks</dt><dd>{number(of.deadlocks)}</dd></div>
        <div><dt>Lock time-outs</dt><dd>{number(of.lock_timeouts)}</dd></div>
        <div><dt>Statement time-outs</dt><dd>{number(of.statement_timeouts)}</dd></div>
        <div><dt>Connections lost</dt><dd>{number(of.connections_lost)}</dd></div>
      </dl>
    </section>
  );
}

const slow_columns: Column<Slow>[] = [
  { id: "time", title: "Time", sort: (one) => one.time, cell: (one) => <Time time={one.time} /> },
  { id: "took", title: "Took", numeric: true, sort: (one) => one.took_ms, cell: (one) => ms(one.took_ms) },
  { id: "lane", title: "Lane", sort: (one) => one.lane, cell: (one) => one.lane },
  { id: "rows", title: "Rows", numeric: true, sort: (one) => one.rows, cell: (one) => number(one.rows) },
  { id: "error", title: "Error", cell: (one) => one.error ?? "–" },
  { id: "statement", title: "Statement", cell: (one) => <code class="wrap">{one.statement}</code> },
];

const migration_columns: Column<Migration>[] = [
  { id: "number", title: "Number", numeric: true, sort: (one) => one.number, cell: (one) => number(one.number) },
  { id: "name", title: "Name", sort: (one) => one.name, cell: (one) => one.name.replaceAll("_", " ") },
  { id: "applied", title: "State", sort: (one) => one.fault ?? (one.applied ? "a" : "b"),
    cell: (one) => one.fault ? <Badge tone="bad">{one.fault}</Badge>
      : one.applied ? <Badge tone="good">applied</Badge> : <Badge tone="warn">missing</Badge> },
];

function Migrations() {
  const { value, problem, reload } = usePoll((signal) => get("/api/v1/db/status", { signal }), 30_000);
  const ask = useAsk(reload);
  const migrations = value?.migrations ?? [];
  const missing = migrations.filter((one) => !one.applied);
  const migrate = () => ask.open({
    title: "Apply the missing migrations", action: "Apply", done: "The migrations are applied.",
    text: `${count(missing.length, "migration")} will change the schema of the database: `
      + `${missing.map((one) => one.name.replaceAll("_", " ")).join(", ")}. There is no way back. Make a backup first.`,
    run: () => post("/api/v1/db/migrate"),
  });
  return (
    <section aria-labelledby="schema">
      <h2 id="schema">Schema</h2>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {value && migrations.length === 0 && <p>The migrations are not known while the database does not answer.</p>}
      {migrations.length > 0 && (
        <p>{missing.length === 0 ? `All ${number(migrations.length)} migrations are applied.`
          : `${count(missing.length, "migration is", "migrations are")} missing.`}{" "}
          {missing.length > 0 && may("admin", true)
            && <button type="button" onClick={migrate}>Apply the migrations…</button>}</p>
      )}
      {migrations.length > 0 && (
        <details>
          <summary>Show the migrations</summary>
          <DataTable label="Migrations" columns={migration_columns} rows={migrations}
            rowKey={(one) => String(one.number)} defaultSort="-number" />
        </details>
      )}
      {ask.dialog}
    </section>
  );
}

export function Database() {
  const { value, problem, loading } = usePoll(read, 3000);
  const { report, monitor } = value ?? {};
  return (
    <>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {monitor && (
        <p class={`verdict verdict-${monitor.up ? "good" : "bad"}`} role="status">
          {monitor.up ? "The database answers" : "The database does not answer"}: {monitor.mode}
          {monitor.latency_us !== null && `, in ${ms(monitor.latency_us / 1000)}`}
          {monitor.detail !== "" && `, ${monitor.detail}`}.
          {report?.uptime_s != null && ` The node has used it for ${duration(report.uptime_s * 1000)}.`}
        </p>
      )}
      {report && report.alarms.length > 0 && (
        <ul>{report.alarms.map((one) => <li key={one.name}><Badge tone="bad">{one.name}</Badge> {one.text}</li>)}</ul>
      )}
      {report && report.advice.length > 0 && (
        <section aria-labelledby="advice">
          <h2 id="advice">Advice</h2>
          <ul>{report.advice.map((one) => (
            <li key={one.setting}><code>{one.setting}</code>: {one.change}. {one.because}</li>))}</ul>
        </section>
      )}
      {report?.pool && <PoolFigures pool={report.pool} />}
      {report?.statements && <Statements of={report.statements} />}
      {report && !report.pool
        && <p class="quiet">SQLite has one connection and no pool, so there are no figures of it.</p>}
      {report?.statements && (
        <>
          <h2>Slow statements</h2>
          <DataTable label="Slow statements" columns={slow_columns} rows={report.slow_statements}
            rowKey={(one) => `${one.time} ${one.statement}`} defaultSort="-time"
            empty={`No statement took longer than ${number(report.statements.slow_after_ms)} ms.`} />
        </>
      )}
      <Migrations />
    </>
  );
}
