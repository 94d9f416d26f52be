/// Gateways that are connected to the node that answers, and those that it refused.
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { count, number } from "../../format/number";
import { type Column, DataTable } from "../../parts/data_table";
import { ErrorLine } from "../../parts/error_line";
import { Age, Badge, Loading } from "../../parts/small";
import { href } from "../../shell/router";

type Connected = Schema<"connected_gateway">;
type Refused = Schema<"refused_gateway">;

const connected_columns: Column<Connected>[] = [
  { id: "equipment", title: "Machine", sort: (one) => one.equipment,
    cell: (one) => <a href={href("machine", { name: one.equipment })}>{one.equipment}</a> },
  { id: "farm", title: "Farm", sort: (one) => one.farm, cell: (one) => one.farm },
  { id: "peer", title: "Address", sort: (one) => one.peer, cell: (one) => <span class="mono">{one.peer}</span> },
  { id: "software", title: "Software", sort: (one) => one.software, cell: (one) => one.software ?? "–" },
  { id: "since", title: "Connected", sort: (one) => one.since, cell: (one) => <Age time={one.since} alwaysPlain /> },
];

const refused_columns: Column<Refused>[] = [
  { id: "equipment", title: "Machine", sort: (one) => one.equipment, cell: (one) => one.equipment ?? "–" },
  { id: "farm", title: "Farm", sort: (one) => one.farm, cell: (one) => one.farm ?? "–" },
  { id: "host", title: "Host", sort: (one) => one.host, cell: (one) => <span class="mono">{one.host}</span> },
  { id: "reason", title: "Reason", sort: (one) => one.reason,
    cell: (one) => <Badge tone="bad">{one.reason.replaceAll("_", " ")}</Badge> },
  { id: "text", title: "What the node said", cell: (one) => <span class="wrap">{one.text}</span> },
  { id: "count", title: "Times", numeric: true, sort: (one) => one.count, cell: (one) => number(one.count) },
  { id: "first", title: "First", sort: (one) => one.first, cell: (one) => <Age time={one.first} alwaysPlain /> },
  { id: "last", title: "Last", sort: (one) => one.last, cell: (one) => <Age time={one.last} alwaysPlain /> },
];

export function Gateways() {
  const { value, problem, loading } = usePoll((signal) => get("/api/v1/gateways", { signal }), 3000);
  return (
    <>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {loading && <Loading />}
      {value && (
        <>
          {value.refused.length === 0 ? <p>This node has refused no gateway.</p>
            : <h2>{count(value.refused.length, "refused gateway")}</h2>}
          {value.refused.length > 0 && <DataTable label="Refused gateways" columns={refused_columns}
            rows={value.refused} sortKey="refused" defaultSort="-last"
            rowKey={(one) => `${one.host} ${one.farm} ${one.equipment} ${one.reason}`} />}
          <h2>{count(value.connected.length, "connected gateway")}</h2>
          <DataTable label="Connected gateways" columns={connected_columns} rows={value.connected}
            rowKey={(one) => one.peer} sortKey="sort" defaultSort="equipment"
            empty="No gateway is connected to this node." />
        </>
      )}
    </>
  );
}
