import { Screen } from "../parts/screen";
import type { ScreenProps } from "../shell/screens";

export const Machine = ({ name }: ScreenProps) => <Screen title={name === "" ? "Machine" : `Machine ${name}`} />;
