import { useEffect, useRef } from "preact/hooks";
import { liveHello, liveProblem, liveState } from "../live/live";
import { FarmChoice } from "./farm_choice";
import { type ScreenId, href, route } from "./router";
import { screens } from "./screens";
import { logOut, me } from "./session";
import { type Theme, chooseTheme, theme } from "./theme";
import { attempt } from "./toast";

const state_texts = {
  connecting: "connecting…", live: "live", reconnecting: "reconnecting…", refused: "no live view", closed: "closed",
};

function LiveMark() {
  const state = liveState();
  const problem = liveProblem();
  const hello = liveHello();
  const title = problem ? `${problem.message}. ${problem.hint}` : hello ? `node ${hello.node} ${hello.version}` : "";
  return <span class={`live live-${state}`} role="status" title={title}>{state_texts[state]}</span>;
}

function ThemeSwitch() {
  return (
    <label class="theme">Theme
      <select value={theme.value} onChange={(event) => chooseTheme(event.currentTarget.value as Theme)}>
        <option value="system">system</option>
        <option value="light">light</option>
        <option value="dark">dark</option>
      </select>
    </label>
  );
}

const kinds: Record<string, string> = {
  local: "This node has no users yet and needs no login.",
  token: "This page uses a token.",
  certificate: "This page uses a certificate.",
};

function UserMenu() {
  const who = me.value;
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = () => { if (menu.current) menu.current.open = false; };
    const pressed = (event: Event) => {
      if (event.target instanceof Node && !menu.current?.contains(event.target))
        close();
    };
    const key = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !menu.current?.open)
        return;
      close();
      menu.current.querySelector("summary")?.focus();
    };
    document.addEventListener("pointerdown", pressed);
    document.addEventListener("keydown", key);
    addEventListener("hashchange", close);
    return () => {
      document.removeEventListener("pointerdown", pressed);
      document.removeEventListener("keydown", key);
      removeEventListener("hashchange", close);
    };
  }, []);
  if (!who)
    return null;
  return (
    <details class="user" ref={menu}>
      <summary>{who.name || who.kind}</summary>
      <div class="menu">
        <p>{who.name} <span class="quiet">{who.role}</span></p>
        <ThemeSwitch />
        {who.kind !== "session" && <p class="quiet">{kinds[who.kind] ?? who.kind}</p>}
        {who.kind === "session" && <a href={href("people", { query: { tab: "password" } })}>Change the password</a>}
        {who.kind === "session" && <button type="button" onClick={() => void attempt(logOut)}>Log out</button>}
      </div>
    </details>
  );
}

export function Header() {
  return (
    <header>
      <a class="brand" href={href("fleet")}>Furrow</a>
      <FarmChoice />
      <span class="push" />
      <LiveMark />
      <UserMenu />
    </header>
  );
}

export function Navigation() {
  const now = route.value.screen;
  const shown = (Object.keys(screens) as ScreenId[]).filter(
    (id) => screens[id].navigation && (screens[id].allowed?.() ?? true));
  return (
    <nav aria-label="Screens">
      <ul>
        {shown.map((id) => (
          <li key={id}><a href={href(id)} aria-current={now === id ? "page" : undefined}>{screens[id].title}</a></li>
        ))}
      </ul>
    </nav>
  );
}
