import type { ComponentType } from "preact";
import { Screen } from "../parts/screen";
import { openTab, type Tab, Tabs } from "../parts/tabs";
import { mayManage, me } from "../shell/session";
import { Audit } from "./people/audit";
import { FirstAdmin } from "./people/first_admin";
import { Password } from "./people/password";
import { Sessions } from "./people/sessions";
import { Tokens } from "./people/tokens";
import { Users } from "./people/users";

interface PeopleTab extends Tab {
  show: ComponentType;
  allowed: () => boolean;
}

const isPerson = () => me.value?.kind === "session";
const isOpen = () => me.value?.kind === "local"; // a node without users
const manages = () => mayManage() && !isOpen();

const parts: readonly PeopleTab[] = [
  { id: "first", title: "First admin", show: FirstAdmin, allowed: isOpen },
  { id: "users", title: "Users", show: Users, allowed: manages },
  { id: "tokens", title: "Tokens", show: Tokens, allowed: manages },
  { id: "sessions", title: "Sessions", show: Sessions, allowed: () => isPerson() || manages() },
  { id: "audit", title: "Audit log", show: Audit, allowed: mayManage },
  { id: "password", title: "Your password", show: Password, allowed: isPerson },
];

export function People() {
  const tabs = parts.filter((one) => one.allowed());
  const now = openTab(tabs);
  const Show = now?.show;
  return (
    <Screen title="People and tokens">
      <Tabs screen="people" label="Parts of people and tokens" tabs={tabs} />
      {Show ? <Show key={now.id} /> : <p>This login may not open this part. Choose another part.</p>}
    </Screen>
  );
}
