/// All screens: title, component, and whether the navigation shows it. Add a screen here and its id in router.ts.
import type { ComponentType } from "preact";
import { Faults } from "../screens/faults";
import { Fleet } from "../screens/fleet";
import { Ledger } from "../screens/ledger";
import { lazy } from "./lazy";
import type { ScreenId } from "./router";
import { may, me } from "./session";

export interface ScreenProps {
  name: string; // of the machine in the address; empty: none
}
export interface ScreenEntry {
  title: string;
  show: ComponentType<ScreenProps>;
  navigation: boolean;
  allowed?: () => boolean; // absent: for everyone who may read
}

// The first page needs none of these.
const Can = lazy("CAN", async () => (await import("../screens/can")).Can);
const Definitions = lazy("Definitions", async () => (await import("../screens/definitions")).Definitions);
const Fields = lazy("Fields", async () => (await import("../screens/fields")).Fields);
const Machine = lazy("Machine", async () => (await import("../screens/machine")).Machine);
const People = lazy("People and tokens", async () => (await import("../screens/people")).People);
const Replay = lazy("Replay", async () => (await import("../screens/replay")).Replay);
const System = lazy("System", async () => (await import("../screens/system")).System);

export const screens: Record<ScreenId, ScreenEntry> = {
  fleet: { title: "Fleet", show: Fleet, navigation: true },
  machine: { title: "Machine", show: Machine, navigation: false },
  faults: { title: "Faults", show: Faults, navigation: true },
  replay: { title: "Replay", show: Replay, navigation: true },
  fields: { title: "Fields", show: Fields, navigation: true },
  can: { title: "CAN", show: Can, navigation: true },
  definitions: { title: "Definitions", show: Definitions, navigation: true },
  ledger: { title: "Ledger", show: Ledger, navigation: true },
  system: { title: "System", show: System, navigation: true },
  people: { title: "People and tokens", show: People, navigation: true,
    allowed: () => may("admin") || me.value?.kind === "session" },
};
