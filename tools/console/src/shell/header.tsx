import { useState } from "preact/hooks";
import { farm } from "../api/client";
import { liveHello, liveProblem, liveState } from "../live/live";
import { attempt } from "./toast";
import { type ScreenId, href, route } from "./router";
import { screens } from "./screens";
import { chooseFarm, everyFarm, logOut, me } from "./session";
import { type Theme, chooseTheme, theme } from "./theme";

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

function FarmChoice() {
  const farms = me.value?.farms ?? [];
  const now = farm.value;
  const [typed, setTyped] = useState<string | null>(null);
  if (!everyFarm.value && farms.length < 2)
    return <span class="farm">{farms[0] ? `farm ${farms[0]}` : ""}</span>;
  if (!everyFarm.value)
    return (
      <label class="farm">Farm
        <select value={now || farms[0]} onChange={(event) => chooseFarm(event.currentTarget.value)}>
          {farms.map((one) => <option key={one} value={one}>{one}</option>)}
        </select>
      </label>
    );
  // No route lists the farms, so the name is typed.
  const send = (event: Event) => {
    event.preventDefault();
    if (typed !== null)
      chooseFarm(typed.trim());
    setTyped(null);
  };
  return (
    <form class="farm" onSubmit={send}>
      <label>Farm
        <input value={typed ?? now} placeholder="default" autocomplete="off" size={12}
          onInput={(event) => setTyped(event.currentTarget.value)} onBlur={send} />
      </label>
    </form>
  );
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

function UserMenu() {
  const who = me.value;
  if (!who)
    return null;
  return (
    <details class="user">
      <summary>{who.name || who.kind}</summary>
      <div class="menu">
        <p>{who.name} <span class="quiet">{who.role}</span></p>
        <ThemeSwitch />
        {who.kind === "session"
          ? <button type="button" onClick={() => void attempt(logOut)}>Log out</button>
          : <p class="quiet">{who.kind === "local" ? "This node has no users and needs no login." : who.kind}</p>}
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
  const shown = (Object.keys(screens) as ScreenId[]).filter((id) => screens[id].navigation);
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
