/// Values of the text format of Prometheus.

/// The value of the first line of this name without regard to its labels; null: there is none.
export function metric(text: string, name: string): number | null {
  for (const line of text.split("\n")) {
    if (!line.startsWith(name) || !/^[ {]/.test(line.slice(name.length)))
      continue;
    const value = Number(line.slice(line.lastIndexOf(" ") + 1));
    return Number.isFinite(value) ? value : null;
  }
  return null;
}
