/// Which lines of its log the node that answers writes.
import { get, put } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { ErrorLine } from "../../parts/error_line";
import { Loading } from "../../parts/small";
import { may } from "../../shell/session";
import { attempt } from "../../shell/toast";

type Levels = Schema<"log_levels">;
type Level = Levels["modules"][number]["level"];

export const levels: readonly Level[] = ["debug", "info", "warn", "error", "critical"];

/// As the node takes them: a level for all, then those of single modules that differ from it.
export function levelsText(all: string, modules: readonly { module: string; level: string }[]): string {
  return [all, ...modules.filter((one) => one.level !== all).map((one) => `${one.module}=${one.level}`)].join(",");
}

/// The level for all, of the text of the node: "info,gateway=debug".
export const levelForAll = (text: string): string => text.split(",").find((one) => !one.includes("=")) ?? "info";

const meanings: Record<string, string> = {
  node: "start, end and settings", cluster: "nodes that come and go", link: "connections between nodes",
  gateway: "connections of gateways", machine: "actors of the machines", store: "writing to the database",
  digest: "rollups, telemetry and faults", sealing: "moving frames into chunks", care: "retention and partitions",
  dbc: "signal definitions", http: "requests", cache: "the cache", edge: "gateway: start and end",
  source: "gateway: sources of frames", spool: "gateway: spool", uplink: "gateway: connection to the node",
  sim: "the simulator",
};

export function LogLevels() {
  const { value, problem, loading, reload } = usePoll((signal) => get("/api/v1/log-levels", { signal }), 5000);
  const governs = may("admin", true);
  const all = value ? levelForAll(value.levels) : "info";
  const send = async (text: string, said: string) => {
    await attempt(() => put("/api/v1/log-levels", { body: { levels: text } }), said);
    reload();
  };
  const choose = (module: string, level: string) => {
    const modules = (value?.modules ?? []).map((one) => one.module === module ? { module, level } : one);
    void send(levelsText(all, modules), `The module ${module} logs from the level “${level}” on.`);
  };
  const chooseAll = (level: string) => void send(level, `All modules log from the level “${level}” on.`);
  const Choice = ({ of, label, change }: { of: string; label: string; change: (level: string) => void }) => (
    <select value={of} aria-label={label} disabled={!governs} onChange={(event) => change(event.currentTarget.value)}>
      {levels.map((one) => <option key={one} value={one}>{one}</option>)}
    </select>
  );
  return (
    <>
      <p>The node writes lines of the chosen level and above. A choice is in force at once, until the node ends or reads
        its settings again.{!governs && " Only an admin of the node may change it."}</p>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && (
        <>
          <div class="row">
            <span>All modules</span>{Choice({ of: all, label: "Level of all modules", change: chooseAll })}
            <code>{value.levels}</code>
          </div>
          <ul class="levels" aria-label="Modules">
            {value.modules.map((one) => (
              <li key={one.module}>
                <span><strong>{one.module}</strong> <span class="hint">{meanings[one.module] ?? ""}</span></span>
                {Choice({ of: one.level, label: `Level of ${one.module}`,
                  change: (level) => choose(one.module, level) })}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
