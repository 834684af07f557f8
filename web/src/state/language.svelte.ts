/** Which language the page speaks: the one chosen in this browser, else the user's own, else English. */

import type { Hub } from "../wire/request";
import type { LanguageAnswer } from "../wire/shapes";
import { useWords } from "../words.svelte";

const KEY = "hub.language";

interface Listed {
  settings: Record<string, { values?: string[] | null; value_names?: string[] | null; value?: unknown }>;
}

export class Language {
  code = $state(localStorage.getItem(KEY) ?? "");
  /** Code and local name of each language the hub has. */
  known = $state.raw<[string, string][]>([]);

  constructor(private readonly hub: Hub) {}

  /** Learns which languages there are and takes the texts of the right one. */
  async load(): Promise<void> {
    const { settings } = await this.hub.call<Listed>("GetUserSettings");
    const setting = Object.entries(settings).find(([key]) => key.toLowerCase() === "language")?.[1];
    this.known = (setting?.values ?? []).map((code, at) => [code, setting?.value_names?.[at] ?? code]);
    if (this.code === "") this.code = String(setting?.value ?? "en");
    await this.#use();
  }

  async choose(code: string): Promise<void> {
    this.code = code;
    localStorage.setItem(KEY, code);
    await this.#use();
  }

  async #use(): Promise<void> {
    if (this.code === "en") return useWords({});
    const { language } = await this.hub.call<LanguageAnswer>("GetLanguage", { language: this.code });
    useWords(language.keys);
    document.documentElement.lang = language.code;
  }
}
