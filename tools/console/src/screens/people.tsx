import { Screen } from "../parts/screen";

export const People = () => <Screen title="People and tokens" />;
