/// A screen whose script is loaded when it is first opened.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Screen } from "../parts/screen";
import type { ScreenProps } from "./screens";

export function lazy(title: string, load: () => Promise<ComponentType<ScreenProps>>): ComponentType<ScreenProps> {
  let loaded: ComponentType<ScreenProps> | null = null;
  return function Lazy(props: ScreenProps) {
    const [state, setState] = useState<"waits" | "there" | "failed">(loaded ? "there" : "waits");
    useEffect(() => {
      let here = true;
      if (!loaded)
        load().then((show) => { loaded = show; }).then(
          () => here && setState("there"), () => here && setState("failed"));
      return () => { here = false; };
    }, []);
    const Show = loaded;
    if (Show)
      return <Show {...props} />;
    return (
      <Screen title={title}>
        {state === "failed"
          ? <>
              <p role="alert">This screen cannot be loaded: the node does not answer, or has another version now.</p>
              <p><button type="button" onClick={() => location.reload()}>Load the page again</button></p>
            </>
          : <p>Loading…</p>}
      </Screen>
    );
  };
}
