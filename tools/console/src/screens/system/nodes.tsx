/// Nodes that share the database: state, weight, drain. Memory is known of the node that answers.
import { useState } from "preact/hooks";
import { get, getText, post, put } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { bytes, count, number } from "../../format/number";
import { useAsk } from "../../parts/ask";
import { type Column, DataTable } from "../../parts/data_table";
import { ErrorLine } from "../../parts/error_line";
import { FormDialog } from "../../parts/form_dialog";
import { Age, Badge, Loading, type Tone, Value } from "../../parts/small";
import { may } from "../../shell/session";
import { say } from "../../shell/toast";
import { metric } from "./metrics_text";

type Node = Schema<"node">;

const tones: Record<string, Tone> = {
  alive: "good", joining: "info", draining: "warn", unsure: "warn", late: "warn", dead: "bad", left: "quiet",
};
const meanings: Record<string, string> = {
  joining: "It serves gateways. The database has not answered yet.",
  alive: "Its lease is valid.",
  unsure: "The database has not answered for three seconds. The node goes on with all its work.",
  late: "Its lease is past, as others see it.",
  draining: "It takes no new sessions and sends its machines to other nodes.",
  left: "It has ended in good order.",
  dead: "Its lease was past, and another node has said so.",
};

const isGone = (one: Node): boolean => one.state === "dead" || one.state === "left";
const about = (one: Node): string => (meanings[one.state] ?? "")
  + (one.lease_age_ms === null ? "" : ` The lease was renewed ${number(one.lease_age_ms)} ms ago.`);

const poll_ms = 2000;

function Memory() {
  const { value } = usePoll((signal) => getText("/metrics", { signal }), 5000);
  if (value === undefined)
    return null;
  const of = (name: string) => bytes(metric(value, name));
  return (
    <dl class="figures" aria-label="This node">
      <div><dt>Memory of this node</dt><dd>{of("process_resident_memory_bytes")}</dd></div>
      <div><dt>Waiting to become durable</dt>
        <dd>{of("furrow_budget_used_bytes")} of {of("furrow_budget_limit_bytes")}</dd></div>
      <div><dt>Cache</dt><dd>{of("furrow_cache_bytes")}</dd></div>
      <div><dt>Open files</dt>
        <dd>{number(metric(value, "process_open_fds"))} of {number(metric(value, "process_max_fds"))}</dd></div>
    </dl>
  );
}

function WeightDialog({ node, onClose, after }: { node: Node; onClose: () => void; after: () => void }) {
  return (
    <FormDialog title={`Weight of ${node.name}`} action="Set the weight" onClose={onClose}
      send={async (form) => {
        await put("/api/v1/nodes/{name}/weight", { path: { name: node.name },
          body: { weight: Number(form.text("weight")) } });
        say(`The node ${node.name} has the weight ${form.text("weight")}.`);
        onClose();
        after();
      }}>
      <p>The weight is the share of the node in the machines. Gateways that are connected stay where they are; gateways
        that connect anew choose by weight. With 0, no gateway prefers the node.</p>
      <label>Weight, 0 to 10,000
        <input name="weight" type="number" min={0} max={10000} step={1} required
          defaultValue={String(node.weight ?? 100)} />
      </label>
    </FormDialog>
  );
}

export function Nodes() {
  const { value, problem, loading, reload } = usePoll((signal) => get("/api/v1/nodes", { signal }), poll_ms);
  const [weighed, setWeighed] = useState<Node | null>(null);
  const ask = useAsk(reload);
  const nodes = value?.nodes ?? [];
  // A node on SQLite is alone: it has no weight, and cannot be drained.
  const governed = may("admin", true) && nodes.some((one) => one.weight !== null);

  const drain = (one: Node) => ask.open({
    title: `Drain the node ${one.name}`, action: "Drain", done: `The node ${one.name} drains.`,
    text: `The node ${one.name} sends its ${count(one.sessions, "machine")} to other nodes within about a second, and `
      + "takes no new ones until you end the drain. Nothing is lost.",
    run: () => post("/api/v1/nodes/{name}/drain", { path: { name: one.name } }),
  });
  const undrain = (one: Node) => ask.open({
    title: `End the drain of ${one.name}`, action: "End the drain", done: `The node ${one.name} takes machines again.`,
    text: `The node ${one.name} takes machines again. Machines that went to other nodes stay there.`,
    run: () => post("/api/v1/nodes/{name}/undrain", { path: { name: one.name } }),
  });

  const columns: Column<Node>[] = [
    { id: "name", title: "Node", sort: (one) => one.name,
      cell: (one) => <>{one.name}{one.this && <span class="quiet"> (answers)</span>}</> },
    { id: "state", title: "State", sort: (one) => one.state,
      cell: (one) => <span title={about(one)}><Badge tone={tones[one.state] ?? "quiet"}>{one.state}</Badge>
        {one.judged_by && <span class="quiet"> said {one.judged_by}</span>}</span> },
    { id: "sessions", title: "Machines", numeric: true, sort: (one) => one.sessions,
      cell: (one) => <Value value={one.sessions} /> },
    { id: "rate", title: "Frames/s", numeric: true, sort: (one) => one.frames_per_s,
      cell: (one) => <Value value={one.frames_per_s} /> },
    { id: "lag", title: "Lag", numeric: true, sort: (one) => one.lag_ms,
      cell: (one) => <Value value={one.lag_ms} unit="ms" /> },
    { id: "weight", title: "Weight", numeric: true, sort: (one) => one.weight,
      cell: (one) => <Value value={one.weight} /> },
    { id: "build", title: "Version", extra: true, sort: (one) => one.build,
      cell: (one) => <span title={one.wire_versions ? `wire versions ${one.wire_versions}` : undefined}>
        {one.build ?? "–"}</span> },
    { id: "since", title: "Since", extra: true, sort: (one) => one.since,
      cell: (one) => <Age time={one.since} alwaysPlain /> },
    { id: "address", title: "Gateways at", extra: true,
      cell: (one) => <span class="mono">{one.gateway ?? "–"}</span> },
  ];
  if (governed)
    columns.push({ id: "do", title: "Actions", pinned: true, cell: (one) => isGone(one) ? null : (
      <span class="buttons">
        {one.state === "draining"
          ? <button type="button" aria-label={`End the drain of ${one.name}`} onClick={() => undrain(one)}>
              End drain</button>
          : <button type="button" aria-label={`Drain ${one.name}`} onClick={() => drain(one)}>Drain</button>}
        <button type="button" aria-label={`Weight of ${one.name}`} onClick={() => setWeighed(one)}>Weight</button>
      </span>
    ) });

  return (
    <>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && <DataTable label="Nodes" columns={columns} rows={nodes} rowKey={(one) => one.name} sortKey="sort"
        defaultSort="name" rowHeight={48} />}
      {value && nodes.length === 1 && nodes[0]?.weight === null
        && <p class="quiet">This node uses SQLite. It is alone, so it has no weight, no lease and no drain.</p>}
      <Memory />
      {weighed && <WeightDialog node={weighed} onClose={() => setWeighed(null)} after={reload} />}
      {ask.dialog}
    </>
  );
}

