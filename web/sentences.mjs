/** The sentences of the page. `npm run words` adds those that `languages/en.json` lacks. */

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("./src", import.meta.url));
const ENGLISH = fileURLToPath(new URL("../languages/en.json", import.meta.url));
/** `t("…")`, the titles of pages, and sentences that pure state machines hand on, translated where they are drawn. */
const SPOKEN = [/\bt\(\s*"((?:[^"\\]|\\.)+)"/g, /\b(?:key:|title:|reason[:=]|reason =) "((?:[^"\\]|\\.)+)"/g];

/** @param {string} folder @returns {string[]} */
function files(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : /\.(ts|svelte)$/.test(name) ? [path] : [];
  });
}

/** Every sentence the page can say. @returns {Set<string>} */
export function spoken() {
  const found = new Set();
  for (const path of files(SOURCE)) {
    const text = readFileSync(path, "utf8");
    for (const form of SPOKEN) for (const [, key] of text.matchAll(form)) found.add(JSON.parse(`"${key}"`));
  }
  return found;
}

/** The English texts. @returns {Record<string, string>} */
export function written() {
  return JSON.parse(readFileSync(ENGLISH, "utf8")).keys;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = JSON.parse(readFileSync(ENGLISH, "utf8"));
  for (const key of spoken()) file.keys[key] ??= "";
  const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  file.keys = Object.fromEntries(Object.entries(file.keys).sort(([one], [other]) => order(one, other)));
  writeFileSync(ENGLISH, `${JSON.stringify(file, null, 1)}\n`);
}
