/** The page's texts: the English sentence is the key, and the text wherever a language lacks it. */

let words = $state.raw<Record<string, string>>({});

/** Takes the texts of a language; everything drawn with `t` follows at once. */
export function useWords(keys: Record<string, string>): void {
  words = keys;
}

/** The text for `key` in the present language; `{name}` in it is replaced by `named.name`. */
export function t(key: string, named: Record<string, string | number> = {}): string {
  const text = words[key] || key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in named ? String(named[name]) : whole));
}

/** The states of an image, in words. */
export function stateWord(state: "waiting" | "running" | "done" | "failed" | "interrupted" | "discarded"): string {
  return {
    waiting: t("waiting"), running: t("running"), done: t("done"), failed: t("failed"),
    interrupted: t("interrupted"), discarded: t("discarded"),
  }[state];
}
