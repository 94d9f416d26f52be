import { Screen } from "../parts/screen";

export const System = () => <Screen title="System" />;
