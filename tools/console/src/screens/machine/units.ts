/// Process data in the units of the field: ISO 11783-11 has millimetres and milligrams. Pure.
const shown: Record<string, [unit: string, factor: number]> = {
  "mm": ["m", 0.001], "m²": ["ha", 0.0001], "mm³/m²": ["L/ha", 0.01], "mg/m²": ["kg/ha", 0.01],
  "mm³/s": ["L/min", 6e-5],
  "mL": ["L", 0.001], "ml": ["L", 0.001], "g": ["kg", 0.001], "mm/s": ["km/h", 0.0036],
};

export function inFieldUnits(value: number | null, unit: string | null): { value: number | null; unit: string | null } {
  const found = unit === null ? undefined : shown[unit];
  return found && value !== null ? { value: value * found[1], unit: found[0] } : { value, unit };
}

/// "sections 1 to 16: 14 on, 2 off"
export function sectionWords(first: number, states: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const one of states)
    counts.set(one, (counts.get(one) ?? 0) + 1);
  const said = [...counts].map(([state, count]) => `${count} ${state.replaceAll("_", " ")}`).join(", ");
  return `sections ${first} to ${first + states.length - 1}: ${said}`;
}
