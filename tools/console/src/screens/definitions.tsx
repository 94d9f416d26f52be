import { Screen } from "../parts/screen";

export const Definitions = () => <Screen title="Definitions" />;
