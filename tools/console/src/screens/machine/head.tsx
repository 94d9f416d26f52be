/// What a machine is doing, and how it is connected.
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { Schema } from "../../api/types";
import { nodeNow } from "../../format/clock";
import { number } from "../../format/number";
import { absent } from "../../format/time";
import type { Machine } from "../../live/reducer";
import { lastSeen, plainValue, positionOf, speedKmh } from "../../live/values";
import { Age, Badge, BySite, Value } from "../../parts/small";
import { href } from "../../shell/router";
import { modeNow, mode_tones } from "../fleet/status";

export type Stored = Schema<"machine">;

const hundredth = (degrees: number): number => Math.round(degrees * 1000) / 1000; // about 100 m: fields are larger

/// The fields that contain the position; asked again when the machine has moved about 100 m.
function FieldNames({ machine }: { machine: Machine }) {
  const at = positionOf(machine);
  const key = at ? `${hundredth(at.latitude_deg)} ${hundredth(at.longitude_deg)}` : "";
  const { value } = usePoll(async (signal) => at
    ? (await get("/api/v1/fields-at", { query: { position: `${at.longitude_deg},${at.latitude_deg}` }, signal })).rows
    : [], 30_000, `at ${key}`);
  if (!value || value.length === 0)
    return <>{absent}</>;
  return <>{value.map((one) => one.name).join(", ")}</>;
}

/// "All 1,436 items are durable."
export function ledgerWords(machine: Machine | undefined, stored: Stored | undefined): string {
  const received = machine?.ledger?.received_seq ?? stored?.received_seq ?? null;
  const durable = machine?.ledger?.durable_seq ?? stored?.durable_seq ?? stored?.stored_durable_seq ?? null;
  if (durable === null)
    return "Nothing is known of the ledger of this machine.";
  const waiting = received === null ? 0 : received - durable;
  return waiting > 0 ? `${number(durable)} items are durable; ${number(waiting)} are on their way.`
    : `All ${number(durable)} items are durable.`;
}

const Fact = ({ name, children }: { name: string; children: preact.ComponentChildren }) =>
  <div class="fact"><dt>{name}</dt><dd>{children}</dd></div>;

export function Head({ machine, stored }: { machine: Machine | undefined; stored: Stored | undefined }) {
  const mode = machine ? modeNow(machine, nodeNow()) : "silent";
  const connected = machine?.connected ?? stored?.connected ?? false;
  const position = machine?.values["position"];
  const [live, polled] = [machine ? lastSeen(machine) ?? "" : "", stored?.last_frame ?? ""];
  const last = (live > polled ? live : polled) || null;
  const adrift = machine?.ledger?.adrift ?? stored?.adrift ?? false;
  return (
    <section class="card" aria-label="Status">
      <div class="row">
        <Badge tone={mode_tones[mode] ?? "quiet"}>{mode}</Badge>
        {connected ? <Badge tone="good">connected</Badge> : <Badge>not connected</Badge>}
        {stored?.relayed && <BySite time={last} />}
        {stored?.awaiting_gateway && <Badge tone="warn">waits for its gateway after a node has left</Badge>}
        {stored?.clock_ahead && <Badge tone="bad">the clock of the machine is wrong</Badge>}
        {stored?.state_from === "store" && <Badge tone="warn">last stored values</Badge>}
        {adrift && <Badge tone="warn">the node asks for items again</Badge>}
      </div>
      <dl class="facts">
        <Fact name="Last value"><Age time={last} /></Fact>
        <Fact name="Speed"><Value value={machine ? speedKmh(machine) : null} unit="km/h" digits={1} /></Fact>
        <Fact name="Position"><Value value={position ? plainValue(position) : null} /></Fact>
        <Fact name="Field">{machine ? <FieldNames machine={machine} /> : absent}</Fact>
        <Fact name="Node">{machine?.node || stored?.node || absent}{stored?.pinned_to
          ? <span class="quiet"> pinned to {stored.pinned_to}</span> : null}</Fact>
        <Fact name="Gateway">{stored?.peer ?? absent}</Fact>
        <Fact name="NAME">{stored?.iso_name ? <code>{stored.iso_name}</code> : absent}</Fact>
        <Fact name="Ledger"><a href={href("ledger")}>{ledgerWords(machine, stored)}</a></Fact>
      </dl>
    </section>
  );
}
