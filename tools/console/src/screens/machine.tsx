/// One machine: its status, values, charts, faults, ECUs and implements.
import { get } from "../api/client";
import { usePoll } from "../api/poll";
import { fleet, useMachineWatch } from "../live/live";
import { ErrorLine } from "../parts/error_line";
import { Screen } from "../parts/screen";
import { Empty, Loading } from "../parts/small";
import { href } from "../shell/router";
import type { ScreenProps } from "../shell/screens";
import { Ecus, Implements, MachineFaults } from "./machine/bus";
import { Charts, chooseSignal, chosenSignals } from "./machine/charts";
import { Gauges } from "./machine/gauges";
import { Head } from "./machine/head";
import { Values } from "./machine/values";

function Known({ name }: ScreenProps) {
  const watched = useMachineWatch(name);
  const whole = watched?.machine(name);
  const machine = whole ?? fleet.machine(name); // the stream of the page has a part of it at once
  const { value: stored, problem, loading } = usePoll(
    (signal) => get("/api/v1/equipment/{name}", { path: { name }, signal }), 3000, name);
  const unknown = !machine && !stored;
  const actions = (
    <>
      <a class="button" href={href("fleet", { query: { machine: name } })}>On the map</a>
      <a class="button" href={href("replay", { query: { machines: name } })}>Replay</a>
      <a class="button" href={href("can", { name })}>CAN</a>
    </>
  );
  return (
    <Screen title={`Machine ${name}`} actions={actions}>
      <ErrorLine problem={problem} stale={stored !== undefined} />
      {unknown && loading && <Loading />}
      {!unknown && (
        <>
          <Head machine={machine} stored={stored} />
          <Gauges machine={whole} />
          <Charts name={name} machine={machine} live={watched ?? fleet} />
          {stored && <MachineFaults stored={stored} name={name} />}
          <div class={(stored?.implements ?? []).length > 0 ? "machine-columns" : ""}>
            <Values machine={whole} stored={stored} chosen={chosenSignals()} onChoose={chooseSignal} />
            {stored && (stored.implements ?? []).length > 0 && <Implements stored={stored} />}
          </div>
          {stored && <Ecus stored={stored} />}
        </>
      )}
    </Screen>
  );
}

export const Machine = ({ name }: ScreenProps) => name === ""
  ? <Screen title="Machine"><Empty>Choose a machine in the <a href={href("fleet")}>fleet</a>.</Empty></Screen>
  : <Known key={name} name={name} />;
