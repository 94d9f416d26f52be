/// Who uses the page, and which farm is shown.
import { computed, effect, signal } from "@preact/signals";
import { farm, get, onUnknown, post } from "../api/client";
import { type ApiProblem, toProblem } from "../api/problem";
import type { Schema } from "../api/types";
import { route, setQuery } from "./router";

export type Me = Schema<"me">;
export type Session =
  | { kind: "asking" }
  | { kind: "in"; me: Me }
  | { kind: "out"; ended?: boolean } // the login page; `ended`: the session ended while the page was open
  | { kind: "failed"; problem: ApiProblem };

export const session = signal<Session>({ kind: "asking" });
export const me = computed<Me | null>(() => session.value.kind === "in" ? session.value.me : null);

const ranks = ["viewer", "operator", "admin"];
/// Whether the role is enough. `node` is for what needs a credential for every farm.
export function may(role: "viewer" | "operator" | "admin", node = false): boolean {
  const who = me.value;
  return who !== null && ranks.indexOf(who.role) >= ranks.indexOf(role) && (!node || who.farms.includes("*"));
}
/// A credential that is limited to machines manages nothing of the farm.
export const mayManage = (): boolean => may("admin") && (me.value?.equipment.length ?? 0) === 0;

/// Whether a farm may be chosen; and from which ones, when they are known.
export const everyFarm = computed(() => me.value?.farms.includes("*") ?? false);

export async function askWhoAmI(): Promise<void> {
  try {
    session.value = { kind: "in", me: await get("/api/v1/me") };
  } catch (error) {
    const problem = toProblem(error);
    session.value = problem.status === 401 ? { kind: "out" } : { kind: "failed", problem };
  }
}

export async function logIn(user: string, password: string, ofFarm: string): Promise<void> {
  await post("/api/v1/login", { body: { user, password, cookie: true, ...(ofFarm !== "" && { farm: ofFarm }) } });
  await askWhoAmI();
}

export async function logOut(): Promise<void> {
  try {
    await post("/api/v1/logout");
  } finally {
    session.value = { kind: "out" };
  }
}

const farm_key = "furrow.farm";

export function chooseFarm(name: string): void {
  localStorage.setItem(farm_key, name);
  setQuery({ farm: name });
}

/// The farm is in the address, so that a link shows the same to a colleague; else the last one that was chosen here.
export function startSession(): () => void {
  onUnknown.call = () => {
    if (session.peek().kind === "in")
      session.value = { kind: "out", ended: true };
  };
  const stop = effect(() => {
    const who = me.value;
    if (!who)
      return;
    const asked = route.value.query.get("farm") ?? localStorage.getItem(farm_key) ?? "";
    const choice = who.farms.includes("*") || who.farms.length > 1;
    farm.value = choice && (who.farms.includes("*") || who.farms.includes(asked)) ? asked : "";
  });
  void askWhoAmI();
  return stop;
}
