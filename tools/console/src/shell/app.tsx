import { useEffect } from "preact/hooks";
import { startLive } from "../live/live";
import { ErrorLine } from "../parts/error_line";
import { Screen } from "../parts/screen";
import { Boundary } from "./boundary";
import { Header, Navigation } from "./header";
import { Login } from "./login";
import { href, place, route } from "./router";
import { screens } from "./screens";
import { askWhoAmI, may, me, session } from "./session";
import { Toasts } from "./toast";

export function NotPermitted({ what }: { what: string }) {
  return (
    <Screen title="Not permitted">
      <p>{me.value?.name || "This login"} has the role {me.value?.role ?? "–"} and may not open “{what}”.</p>
      <p>Ask an admin of the farm for another role, or open the <a href={href("fleet")}>fleet</a>.</p>
    </Screen>
  );
}

function Shown() {
  const { screen, name } = route.value;
  if (screen === null)
    return <Screen title="No such screen"><p>Open the <a href={href("fleet")}>fleet</a>.</p></Screen>;
  const entry = screens[screen];
  if (!may("viewer") || (entry.allowed && !entry.allowed()))
    return <NotPermitted what={entry.title} />;
  const Show = entry.show;
  return <Show name={name} />;
}

function Inside() {
  useEffect(() => may("viewer") ? startLive() : undefined, [me.value]);
  return (
    <div class="app">
      <Header />
      <Navigation />
      <main id="main" tabIndex={-1}>
        <Boundary key={place.value}><Shown /></Boundary>
      </main>
    </div>
  );
}

function Failed() {
  const now = session.value;
  useEffect(() => {
    const timer = setInterval(() => void askWhoAmI(), 3000);
    return () => clearInterval(timer);
  }, []);
  return (
    <main id="main" class="login">
      <Screen title="The node does not answer" plain>
        <ErrorLine problem={now.kind === "failed" ? now.problem : undefined} />
        <p><button type="button" onClick={() => void askWhoAmI()}>Try again</button></p>
      </Screen>
    </main>
  );
}

const skip = (event: Event) => {
  event.preventDefault(); // the address has the screen
  document.querySelector<HTMLElement>("#main h1, #main")?.focus();
};

export function App() {
  const { kind } = session.value;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>Skip to the content</a>
      {kind === "in" ? <Inside /> : kind === "out" ? <Login /> : kind === "failed" ? <Failed />
        : <main id="main" class="login"><p>Loading…</p></main>}
      <Toasts />
    </>
  );
}
