/// What a row of the audit log changed, as words. Pure.

export interface Change {
  name: string;
  before: string | null; // null: it was not there
  after: string | null;
}

function textOf(key: string, value: unknown): string {
  if (key.endsWith("_us") && typeof value === "number")
    return new Date(value / 1000).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
  if (Array.isArray(value))
    return value.map((one) => textOf("", one)).join(", ");
  if (value !== null && typeof value === "object")
    return JSON.stringify(value);
  return value === null ? "–" : String(value);
}

type Values = Record<string, unknown> | null | undefined;

/// The members that differ. Without `before` all members of `after`, and the other way round.
export function changesOf(before: Values, after: Values): Change[] {
  const keys = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changes: Change[] = [];
  for (const key of keys) {
    const was = before && key in before ? textOf(key, before[key]) : null;
    const is = after && key in after ? textOf(key, after[key]) : null;
    if (was !== is)
      changes.push({ name: key.replace(/_us$/, "").replaceAll("_", " "), before: was, after: is });
  }
  return changes;
}
