/// The farm that is shown. A credential for every farm may name any; the names that are known are offered.
import { useEffect, useState } from "preact/hooks";
import { farm, get } from "../api/client";
import { chooseFarm, everyFarm, me } from "./session";

const kept_key = "furrow.farms"; // those that were chosen here
const kept_max = 20;

export function keptFarms(text: string | null): string[] {
  try {
    const names: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(names) ? names.filter((one): one is string => typeof one === "string") : [];
  } catch {
    return [];
  }
}

function keep(name: string): void {
  const names = keptFarms(localStorage.getItem(kept_key)).filter((one) => one !== name);
  localStorage.setItem(kept_key, JSON.stringify([name, ...names].slice(0, kept_max)));
}

function TypedFarm() {
  const [typed, setTyped] = useState<string | null>(null);
  const [offered, setOffered] = useState<string[]>([]);
  useEffect(() => {
    const kept = keptFarms(localStorage.getItem(kept_key));
    const show = (names: string[]) => setOffered([...new Set(["default", ...kept, ...names])].sort());
    show([]);
    // Without an answer the name is typed, as that of a farm without machines is.
    get("/api/v1/farms", { farm: "" }).then(({ farms }) => show(farms.map((one) => one.name)), () => undefined);
  }, []);
  const send = (event: Event) => {
    event.preventDefault();
    const name = typed?.trim() ?? null;
    setTyped(null);
    if (name === null || name === farm.peek())
      return;
    if (name !== "")
      keep(name);
    chooseFarm(name);
  };
  return (
    <form class="farm" onSubmit={send}>
      <label>Farm
        <input value={typed ?? farm.value} placeholder="default" autocomplete="off" size={12} list="farms"
          onInput={(event) => setTyped(event.currentTarget.value)} onBlur={send} />
      </label>
      <datalist id="farms">{offered.map((one) => <option key={one} value={one} />)}</datalist>
    </form>
  );
}

export function FarmChoice() {
  const farms = me.value?.farms ?? [];
  if (everyFarm.value)
    return <TypedFarm />;
  if (farms.length < 2)
    return <span class="farm">{farms[0] ? `farm ${farms[0]}` : ""}</span>;
  return (
    <label class="farm">Farm
      <select value={farm.value || farms[0]} onChange={(event) => chooseFarm(event.currentTarget.value)}>
        {farms.map((one) => <option key={one} value={one}>{one}</option>)}
      </select>
    </label>
  );
}
