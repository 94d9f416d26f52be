import { Screen } from "../parts/screen";

export const Fields = () => <Screen title="Fields" />;
