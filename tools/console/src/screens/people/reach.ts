/// Which farms and machines a user or token reaches, as text and as the API takes it. Pure.

interface Reach {
  belongs_to: "farm" | "node";
  farms: readonly string[];
  equipment: readonly string[];
}

export const farmsText = (farms: readonly string[]): string => farms.includes("*") ? "every farm" : farms.join(", ");
export const machinesText = (equipment: readonly string[]): string =>
  equipment.length === 0 ? "every machine" : equipment.join(", ");

/// The farm that finds the row again: names are unique in a farm only.
export const farmOf = (one: Reach): string => one.belongs_to === "node" ? "*" : one.farms[0] ?? "";

/// "north/anna", "admin"
export const fullName = (one: Reach & { name: string }): string =>
  one.belongs_to === "node" ? one.name : `${one.farms[0] ?? ""}/${one.name}`;

/// The names of farms in a form as members of a request: `farm` for one or for all, `farms` for several.
export function farmMembers(names: readonly string[]): { farm?: string; farms?: string[] } {
  if (names.length === 0)
    return {};
  if (names.includes("*"))
    return { farm: "*" };
  return names.length === 1 ? { farm: names[0] ?? "" } : { farms: [...names] };
}

/// The last moment of a day of the calendar, in the time of the browser, as the API takes it.
export function endOfDay(day: string): string | null {
  const at = new Date(`${day}T23:59:59`);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}
