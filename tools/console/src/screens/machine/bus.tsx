/// The faults, ECUs and implements of a machine.
import type { Schema } from "../../api/types";
import { number } from "../../format/number";
import { absent } from "../../format/time";
import { type Lamp, lamps, urgentLamp } from "../../live/values";
import { type Column, DataTable } from "../../parts/data_table";
import { Age, Badge, Time, type Tone, Value } from "../../parts/small";
import { href } from "../../shell/router";
import type { Stored } from "./head";
import { inFieldUnits, sectionWords } from "./units";
import { sourceWords } from "./values";

type Fault = Schema<"fault">;
export const lamp_tones: Record<Lamp, Tone> =
  { red: "bad", malfunction: "warn", amber: "warn", protect: "info", off: "quiet" };
export const lamp_titles: Record<Lamp, string> =
  { red: "red stop", malfunction: "malfunction", amber: "amber warning", protect: "protect", off: "no lamp" };
export const LampBadge = ({ lamp }: { lamp: Lamp }) => <Badge tone={lamp_tones[lamp]}>{lamp_titles[lamp]}</Badge>;

const listOf = (one: Fault): string => one.cleared ? "cleared" : one.list;

export function MachineFaults({ stored, name }: { stored: Stored; name: string }) {
  const rows = [...(stored.faults ?? []), ...(stored.cleared_faults ?? [])];
  const columns: Column<Fault>[] = [
    { id: "list", title: "List", sort: (one) => ["active", "previous", "cleared"].indexOf(listOf(one)),
      cell: (one) => <Badge tone={listOf(one) === "active" ? "bad" : "quiet"}>{listOf(one)}</Badge> },
    { id: "spn", title: "SPN", sort: (one) => one.spn,
      cell: (one) => <>{one.spn}{one.name && <span class="quiet"> {one.name}</span>}</> },
    { id: "fmi", title: "FMI", sort: (one) => one.fmi,
      cell: (one) => <>{one.fmi}{one.meaning && <span class="quiet"> {one.meaning}</span>}</> },
    { id: "lamp", title: "Lamp", sort: (one) => lamps.indexOf(urgentLamp(one.lamps)),
      cell: (one) => <LampBadge lamp={urgentLamp(one.lamps)} /> },
    { id: "count", title: "Count", numeric: true, sort: (one) => one.count, cell: (one) => number(one.count) },
    { id: "ecu", title: "ECU", sort: (one) => one.source, cell: (one) => sourceWords(one, stored.ecus) },
    { id: "first", title: "First seen", extra: true, sort: (one) => one.first_seen,
      cell: (one) => <Time time={one.first_seen} /> },
    { id: "last", title: "Last seen", sort: (one) => one.cleared ?? one.last_seen,
      cell: (one) => <Age time={one.cleared ?? one.last_seen} alwaysPlain /> },
  ];
  return (
    <div>
      <div class="screen-head">
        <h2>Faults</h2>
        <a class="button" href={href("faults", { query: { machine: name, state: "history" } })}>History of faults</a>
      </div>
      <DataTable label="Faults" columns={columns} rows={rows} defaultSort="list"
        rowKey={(one) => `${one.bus} ${one.source} ${listOf(one)} ${one.spn} ${one.fmi} ${one.first_seen}`}
        empty={stored.faults ? "No ECU reports a fault." : "This node does not know the faults of this machine."} />
    </div>
  );
}

type Ecu = Schema<"ecu">;
const ecu_columns: Column<Ecu>[] = [
  { id: "address", title: "Address", numeric: true, sort: (one) => one.address,
    cell: (one) => one.cannot_claim ? <Badge tone="bad">no address</Badge> : one.address ?? absent },
  { id: "function", title: "Function", sort: (one) => one.function_word ?? "",
    cell: (one) => <>{one.function_word ?? `function ${one.function}`}{one.function_instance > 0
      && <span class="quiet"> {one.function_instance + 1}</span>}</> },
  { id: "class", title: "Device class", sort: (one) => one.device_class_word ?? "",
    cell: (one) => one.device_class_word ?? (one.device_class === 0 ? absent : `class ${one.device_class}`) },
  { id: "manufacturer", title: "Manufacturer", extra: true, numeric: true, sort: (one) => one.manufacturer,
    cell: (one) => <span title="manufacturer code of SAE J1939">{one.manufacturer}</span> },
  { id: "identity", title: "Identity", extra: true, numeric: true, sort: (one) => one.identity,
    cell: (one) => one.identity },
  { id: "name", title: "NAME", cell: (one) => <code>{one.name}</code> },
  { id: "bus", title: "Bus", extra: true, numeric: true, sort: (one) => one.bus, cell: (one) => one.bus },
  { id: "since", title: "Since", sort: (one) => one.since, cell: (one) => <Time time={one.since} /> },
];

export const Ecus = ({ stored }: { stored: Stored }) => (
  <div>
    <h2>ECUs</h2>
    <DataTable label="ECUs" columns={ecu_columns} rows={stored.ecus ?? []} defaultSort="address"
      rowKey={(one) => `${one.bus} ${one.name}`}
      empty={stored.ecus ? "No ECU has claimed an address." : "This node does not know the ECUs of this machine."} />
  </div>
);

type Implement = Schema<"implement">;
type Process = Schema<"implement_value">;
const work_state_ddi = 141; // ISO 11783-11: actual work state

function Sections({ of }: { of: Process }) {
  const states = of.sections ?? [];
  const words = sectionWords(of.first_section ?? 1, states);
  return (
    <div>
      <div class="quiet">{of.name ?? `DDI ${of.ddi}`}: {words}</div>
      <div class="sections" role="img" aria-label={words}>
        {states.map((state, i) => <span key={i} class={`section section-${state}`}
          title={`section ${(of.first_section ?? 1) + i}: ${state.replaceAll("_", " ")}`} />)}
      </div>
    </div>
  );
}

function ImplementCard({ of }: { of: Implement }) {
  const work = of.values.find((one) => one.ddi === work_state_ddi);
  const title = of.device?.designator || `Device at address ${of.address}`;
  const columns: Column<Process>[] = [
    { id: "element", title: "Element", sort: (one) => one.element,
      cell: (one) => one.element_designator ?? `element ${one.element}` },
    { id: "name", title: "Value", sort: (one) => one.name ?? "", cell: (one) => one.name ?? `DDI ${one.ddi}` },
    { id: "now", title: "Now", numeric: true,
      cell: (one) => <Value {...inFieldUnits(one.value, one.unit)} /> },
    { id: "ddi", title: "DDI", numeric: true, sort: (one) => one.ddi, cell: (one) => one.ddi },
    { id: "age", title: "Age", cell: (one) => <Age time={one.time} /> },
  ];
  return (
    <article class="card implement">
      <div class="row">
        <h3>{title}</h3>
        {work && (work.value === 1 ? <Badge tone="good">working</Badge> : <Badge>not working</Badge>)}
        <span class="quiet">
          address {of.address}{of.device?.software_version ? `, software ${of.device.software_version}` : ""}
          {of.device?.serial_number ? `, serial number ${of.device.serial_number}` : ""}
        </span>
      </div>
      {!of.device && <p class="quiet">The node has not received the description of this device.</p>}
      {of.values.filter((one) => one.sections).map((one) => <Sections key={`${one.element} ${one.ddi}`} of={one} />)}
      <DataTable label={`Values of ${title}`} columns={columns} rows={of.values.filter((one) => !one.sections)}
        rowKey={(one) => `${one.element} ${one.ddi} ${one.source} ${one.destination}`} empty="No value was received." />
      {of.elements.length > 0 && (
        <details>
          <summary>{number(of.elements.length)} elements of the description</summary>
          <ul>
            {of.elements.map((one) => (
              <li key={one.number}>{one.number} {one.designator ?? one.type} <span class="quiet">{one.type}
                {one.parent !== null && `, in ${one.parent}`}</span></li>
            ))}
          </ul>
        </details>
      )}
    </article>
  );
}

export const Implements = ({ stored }: { stored: Stored }) => (
  <div>
    <h2>Implements</h2>
    {(stored.implements ?? []).map((one) => <ImplementCard key={`${one.bus} ${one.address}`} of={one} />)}
  </div>
);
