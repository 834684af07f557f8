/** The look: follow the system with a pair of themes, or one theme chosen by hand. */

import type { ThemeCard } from "./wire/shapes";

const KEY = "hub.theme";

const cards = import.meta.glob<{ name: string; is_dark: boolean }>("../../themes/*/theme.json", {
  eager: true, import: "default",
});

/** The themes built into this page, by id. */
export const builtIn: Record<string, ThemeCard> = Object.fromEntries(
  Object.entries(cards).map(([path, card]) => {
    const id = path.split("/").at(-2) ?? "";
    return [id, { name: card.name, is_dark: card.is_dark, css_paths: [`assets/themes/${id}/theme.css`] }];
  }),
);

/** "system" or a theme's id, as kept in this browser. */
export function chosenTheme(): string {
  return localStorage.getItem(KEY) ?? "system";
}

/** Keeps the choice and draws with it at once. */
export function chooseTheme(choice: string, known: Record<string, ThemeCard> = builtIn): void {
  localStorage.setItem(KEY, choice);
  applyTheme(choice, known);
}

/**
 * Points the page's style sheets at the chosen theme; an id nobody knows any more follows the system. The old sheets
 * stay until the new ones are there, so that the page is never without colours.
 */
export function applyTheme(choice: string, known: Record<string, ThemeCard> = builtIn): void {
  const old = [...document.head.querySelectorAll("[data-theme-extra]")];
  const card = known[choice];
  const follow = (off: boolean): void => {
    for (const sheet of old) sheet.remove();
    for (const link of document.head.querySelectorAll<HTMLLinkElement>("link[data-theme-link]")) link.disabled = off;
  };
  document.documentElement.dataset["themeChoice"] = card === undefined ? "system" : choice;
  if (card === undefined) return follow(false);
  for (const path of card.css_paths) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = path;
    link.dataset["themeExtra"] = choice;
    link.onload = () => follow(true);
    document.head.append(link);
  }
}
