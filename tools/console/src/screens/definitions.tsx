/// Signal definitions: the DBC files, and what a machine's frames decode to now.
import type { ComponentType } from "preact";
import { Screen } from "../parts/screen";
import { Empty } from "../parts/small";
import { openTab, type Tab, Tabs } from "../parts/tabs";
import { Files } from "./definitions/files";
import { DecodedSignals } from "./definitions/signals";

const parts: readonly (Tab & { show: ComponentType })[] = [
  { id: "files", title: "DBC files", show: Files },
  { id: "signals", title: "Decoded signals", show: DecodedSignals },
];

export function Definitions() {
  const now = openTab(parts);
  const Show = now?.show;
  return (
    <Screen title="Definitions">
      <Tabs screen="definitions" label="Parts of the definitions" tabs={parts} />
      {Show ? <Show key={now.id} /> : <Empty>There is no such part. Choose another part.</Empty>}
    </Screen>
  );
}
