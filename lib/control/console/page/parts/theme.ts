/** Light or dark: what the system says, unless the user has switched. */
import { effect, signal } from "@preact/signals";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const stored = "wsctl-theme";

export const theme = signal<Theme>(read());

function read(): Theme {
  const text = localStorage.getItem(stored);
  return themes.find((each) => each === text) ?? "system";
}

export function switchTheme(next: Theme): void {
  theme.value = next;
  if (next === "system") localStorage.removeItem(stored);
  else localStorage.setItem(stored, next);
}

/** Keeps the page in the chosen theme. */
export function applyTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}
