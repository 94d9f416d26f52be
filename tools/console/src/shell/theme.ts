/// Dark or light: as the system says, or as chosen here.
import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const theme_key = "furrow.theme";
const dark_system = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-color-scheme: dark)");

const kept = (): Theme => {
  const text = typeof localStorage === "undefined" ? null : localStorage.getItem(theme_key);
  return text === "light" || text === "dark" ? text : "system";
};
export const theme = signal<Theme>(kept());
/// Moves when colours change. Canvases draw themselves again.
export const dark = signal(false);

export function chooseTheme(next: Theme): void {
  localStorage.setItem(theme_key, next);
  theme.value = next;
}

export function startTheme(): () => void {
  const apply = () => {
    const chosen = theme.value;
    if (chosen === "system")
      delete document.documentElement.dataset.theme;
    else
      document.documentElement.dataset.theme = chosen;
    dark.value = chosen === "dark" || (chosen === "system" && (dark_system?.matches ?? false));
  };
  const stop = effect(apply);
  dark_system?.addEventListener("change", apply);
  return () => {
    stop();
    dark_system?.removeEventListener("change", apply);
  };
}

/// A colour of the style sheet, for a canvas: color("--accent").
export const color = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
