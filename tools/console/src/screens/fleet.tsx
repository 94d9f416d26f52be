/// The machines of the farm: a map, and a list beside it.
import { useMemo } from "preact/hooks";
import { get } from "../api/client";
import { allPages } from "../api/paging";
import { usePoll } from "../api/poll";
import { nodeNow } from "../format/clock";
import { number } from "../format/number";
import { fleet, liveHello, liveState } from "../live/live";
import type { Machine } from "../live/reducer";
import { usePaced } from "../live/store";
import { activeFaults, lastSeen, numberOf, positionOf, speedKmh } from "../live/values";
import { type Column, DataTable, natural } from "../parts/data_table";
import { Screen } from "../parts/screen";
import { Age, Badge, BySite, SearchBox, Value } from "../parts/small";
import { go, href, queryText, setQuery } from "../shell/router";
import { FleetMap } from "./fleet/fleet_map";
import {
  type OfSites, type Status, hasStatus, modeNow, mode_tones, readStatus, status_titles, statusCounts, statuses,
  withUnseen,
} from "./fleet/status";

export { lastSeen, positionOf };

const fields_max = 5000;
const records_max = 20_000;

const readFields = (signal: AbortSignal) => allPages(async (query) => {
  const { rows, next } = await get("/api/v1/fields", { query: { limit: 1000, ...query } as never, signal });
  return { rows, next };
}, fields_max);

/// The names of the machines on record, also of those that send nothing.
const readRecords = async (signal: AbortSignal) => {
  const all = await allPages(async (query) => {
    const { rows, next } = await get("/api/v1/equipment-records", { query: { limit: 1000, ...query } as never,
      signal });
    return { rows, next };
  }, records_max);
  return all.rows.filter((one) => one.status !== "retired").map((one) => one.name);
};

/// The stream has no machine of a site whose line is away.
const readSites = async (signal: AbortSignal): Promise<OfSites> => {
  const { machines } = await get("/api/v1/fleet", { query: { relayed: true, signals: "none" }, signal });
  return new Map(machines.map((one) => [one.name, one.seen]));
};

/// `ranks`: of the names in their order. To compare 10,000 texts each second costs more than to draw them.
const columnsAt = (now: number, ranks: ReadonlyMap<string, number>): Column<Machine>[] => [
  { id: "name", title: "Machine", sort: (one) => ranks.get(one.name),
    cell: (one) => (
      <span class={one.relayed ? "one-line" : undefined}>
        <a href={href("machine", { name: one.name })}>{one.name}</a>
        {one.relayed && <BySite time={lastSeen(one)} short />}
      </span>
    ) },
  { id: "mode", title: "Mode", sort: (one) => modeNow(one, now),
    cell: (one) => <Badge tone={mode_tones[modeNow(one, now)] ?? "quiet"}>{modeNow(one, now)}</Badge> },
  { id: "speed", title: "Speed", numeric: true, sort: speedKmh,
    cell: (one) => <Value value={speedKmh(one)} unit="km/h" digits={1} /> },
  { id: "engine", title: "Engine", extra: true, numeric: true, sort: (one) => numberOf(one, "engine_speed_rpm"),
    cell: (one) => <Value value={numberOf(one, "engine_speed_rpm")} unit="rpm" digits={0} /> },
  { id: "faults", title: "Faults", numeric: true, sort: activeFaults,
    cell: (one) => {
      const active = activeFaults(one);
      return active ? <Badge tone="bad">{number(active)}</Badge> : <Value value={active} />;
    } },
  { id: "link", title: "Gateway", extra: true, sort: (one) => (one.connected ? 0 : 1),
    cell: (one) => one.connected ? "yes" : <strong>no</strong> },
  { id: "seen", title: "Last value", sort: lastSeen, cell: (one) => <Age time={lastSeen(one)} /> },
];

interface FiltersProps {
  counts: Record<Status, number>;
  all: number;
  chosen: Status | null;
}
function Filters({ counts, all, chosen }: FiltersProps) {
  const button = (status: Status | null, title: string, count: number) => (
    <button key={title} type="button" class={chosen === status ? "chip chosen" : "chip"}
      aria-pressed={chosen === status}
      onClick={() => setQuery({ status: chosen === status ? null : status })}>
      {title} <strong>{number(count, 0)}</strong>
    </button>
  );
  return (
    <div class="chips" role="group" aria-label="Filter by status">
      {button(null, "All", all)}
      {statuses.map((one) => button(one, status_titles[one], counts[one]))}
    </div>
  );
}

/// What is selected, and what can be done with it.
function Selected({ machine, name, follow }: { machine: Machine | undefined; name: string; follow: boolean }) {
  const now = nodeNow();
  void fleet.version(name).value; // the machine is changed in place
  return (
    <section class="selected-bar" aria-label="Selected machine">
      <strong>{name}</strong>
      {machine
        ? <>
            <Badge tone={mode_tones[modeNow(machine, now)] ?? "quiet"}>{modeNow(machine, now)}</Badge>
            <Value value={speedKmh(machine)} unit="km/h" digits={1} />
            {machine.relayed ? <BySite time={lastSeen(machine)} /> : <Age time={lastSeen(machine)} />}
          </>
        : <span class="quiet">not in the fleet of this farm</span>}
      <span class="push" />
      <label><input type="checkbox" checked={follow} disabled={!machine || !positionOf(machine)}
        onChange={(event) => setQuery({ follow: event.currentTarget.checked })} />Follow</label>
      <a class="button" href={href("machine", { name })}>Open</a>
      <button type="button" class="plain" aria-label="Clear the selection"
        onClick={() => setQuery({ machine: null, follow: null })}>×</button>
    </section>
  );
}

/// What to do when there is no machine yet.
function NoMachines() {
  const state = liveState();
  if (state !== "live")
    return <>The live view is not connected: {state}.</>;
  if (!fleet.complete)
    return <>Loading…</>;
  return (
    <>
      No machine has sent anything to {liveHello()?.node ? `node ${liveHello()?.node}` : "this node"} yet.
      Send the first frames from a log. The node prints its gateway address, HOST:PORT, when it starts:
      <pre tabIndex={0}>furrow-edge run --node HOST:PORT --equipment T1 --spool t1.spool --from tractor.log</pre>
      Or start a simulated fleet:
      <pre tabIndex={0}>furrow-sim run --node HOST:PORT --machines 8 --rate 100 --seconds 600</pre>
    </>
  );
}

export function Fleet() {
  const version = usePaced(fleet.changes, 1000);
  const fields = usePoll(readFields, 60_000, "fields");
  const { complete } = fleet; // the first picture does not wait for a second list of all machines
  const records = usePoll((signal) => complete ? readRecords(signal) : Promise.resolve([]), 120_000,
    `records ${complete}`);
  const sites = usePoll((signal) => complete ? readSites(signal) : Promise.resolve(undefined), 120_000,
    `sites ${complete}`);
  const wanted = queryText("q").toLowerCase();
  const status = readStatus(queryText("status"));
  const selected = queryText("machine");
  const follow = queryText("follow") === "true";

  const { all, rows, counts, now } = useMemo(() => {
    const at = nodeNow();
    const known = withUnseen(fleet.machines, records.value ?? [], sites.value);
    const named = wanted === "" ? known : known.filter((one) => one.name.toLowerCase().includes(wanted));
    return { now: at, all: known, counts: statusCounts(named, at),
      rows: status === null ? named : named.filter((one) => hasStatus(one, status, at)) };
  }, [version, records.value, sites.value, wanted, status]);
  const members = fleet.members.peek(); // with the pace of the list
  const ranks = useMemo(() => new Map(withUnseen(fleet.machines, records.value ?? []).map((one) => one.name)
    .sort(natural.compare).map((name, i) => [name, i])), [members, records.value]);
  const columns = useMemo(() => columnsAt(now, ranks), [now, ranks]);

  const pick = (name: string) => name === selected ? go("machine", { name }) : setQuery({ machine: name }, true);
  const empty = all.length === 0 ? <NoMachines /> : "No machine matches the filters.";
  const search = <SearchBox label="Search machines" value={queryText("q")} onChange={(q) => setQuery({ q })} />;
  return (
    <Screen title="Fleet" full actions={<>{search}<span class="quiet">{number(rows.length, 0)} shown</span></>}>
      <Filters counts={counts} all={all.length} chosen={status} />
      <div class="split split-map">
        <div class="stack">
          {selected !== "" && <Selected name={selected} follow={follow}
            machine={all.find((one) => one.name === selected)} />}
          <DataTable label="Machines" columns={columns} rows={rows} rowKey={(one) => one.name} sortKey="sort"
            defaultSort="name" selected={selected} onOpen={(one) => setQuery({ machine: one.name })} empty={empty} />
        </div>
        <FleetMap machines={rows} complete={complete}
          fields={fields.value?.rows ?? []} now={now} selected={selected} follow={follow}
          onPick={pick} onDragged={() => setQuery({ follow: null })} />
      </div>
    </Screen>
  );
}
