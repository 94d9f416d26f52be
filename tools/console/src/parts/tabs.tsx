/// The parts of a screen, as links: the open one is in the address, under "tab".
import { type ScreenId, href, queryText } from "../shell/router";

export interface Tab {
  id: string;
  title: string;
}

/// The tab of the address, else the first. Null: this person may not open it, or there is none of this name.
export function openTab<T extends Tab>(tabs: readonly T[]): T | null {
  const asked = queryText("tab");
  return asked === "" ? tabs[0] ?? null : tabs.find((one) => one.id === asked) ?? null;
}

export function Tabs({ screen, label, tabs }: { screen: ScreenId; label: string; tabs: readonly Tab[] }) {
  const now = openTab(tabs)?.id;
  return (
    <nav class="tabs" aria-label={label}>
      <ul>
        {tabs.map((one, i) => (
          <li key={one.id}>
            <a href={href(screen, { query: { tab: i === 0 ? null : one.id } })}
              aria-current={one.id === now ? "page" : undefined}>{one.title}</a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
