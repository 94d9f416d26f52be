import { Screen } from "../parts/screen";

export const Replay = () => <Screen title="Replay" />;
