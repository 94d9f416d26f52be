import type { ComponentType } from "preact";
import { Screen } from "../parts/screen";
import { openTab, type Tab, Tabs } from "../parts/tabs";
import { may } from "../shell/session";
import { Actors } from "./system/actors";
import { Alarms } from "./system/alarms";
import { Database } from "./system/database";
import { Gateways } from "./system/gateways";
import { LogLevels } from "./system/log_levels";
import { Nodes } from "./system/nodes";
import { Quarantine } from "./system/quarantine";

interface SystemTab extends Tab {
  show: ComponentType;
  ofNode: boolean; // for a credential for every farm only
}

const parts: readonly SystemTab[] = [
  { id: "nodes", title: "Nodes", show: Nodes, ofNode: true },
  { id: "alarms", title: "Alarms", show: Alarms, ofNode: false },
  { id: "actors", title: "Actors", show: Actors, ofNode: false },
  { id: "database", title: "Database", show: Database, ofNode: true },
  { id: "gateways", title: "Gateways", show: Gateways, ofNode: false },
  { id: "quarantine", title: "Quarantine", show: Quarantine, ofNode: false },
  { id: "log", title: "Log", show: LogLevels, ofNode: true },
];

export function System() {
  const tabs = parts.filter((one) => !one.ofNode || may("viewer", true));
  const now = openTab(tabs);
  const Show = now?.show;
  return (
    <Screen title="System">
      <Tabs screen="system" label="Parts of the system" tabs={tabs} />
      {Show ? <Show key={now.id} />
        : <p>This login belongs to a farm. Only a login for every farm may open this part. Choose another part.</p>}
    </Screen>
  );
}
