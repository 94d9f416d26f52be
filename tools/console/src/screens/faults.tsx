import { Screen } from "../parts/screen";

export const Faults = () => <Screen title="Faults" />;
