import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const SOURCE = new URL("../src", import.meta.url).pathname;
const ENGLISH = new URL("../../languages/en.json", import.meta.url).pathname;

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : /\.(ts|svelte)$/.test(name) ? [path] : [];
  });
}

/** Every sentence the page asks `t` for. */
function used(): Set<string> {
  const found = new Set<string>();
  for (const path of files(SOURCE)) {
    for (const [, key] of readFileSync(path, "utf8").matchAll(/\bt\(\s*"((?:[^"\\]|\\.)+)"/g)) {
      if (key !== undefined) found.add(JSON.parse(`"${key}"`) as string);
    }
    // Sentences that pure state machines hand on: translated where they are drawn.
    for (const [, key] of readFileSync(path, "utf8").matchAll(/\b(?:key:|reason[:=]|reason =) "([^"]+)"/g)) {
      if (key !== undefined) found.add(key);
    }
  }
  return found;
}

describe("the English texts", () => {
  const { keys } = JSON.parse(readFileSync(ENGLISH, "utf8")) as { keys: Record<string, string> };

  it("hold every sentence of the page", () => {
    expect([...used()].filter((key) => !(key in keys))).toEqual([]);
  });

  it("have placeholders only by name", () => {
    expect(Object.keys(keys).filter((key) => /\{[^}]*[^\w}][^}]*\}/.test(key))).toEqual([]);
  });
});
