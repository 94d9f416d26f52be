import { Screen } from "../parts/screen";
import type { ScreenProps } from "../shell/screens";

export const Can = ({ name }: ScreenProps) => <Screen title={name === "" ? "CAN" : `CAN ${name}`} />;
