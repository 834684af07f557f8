import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Writes `pages.json`: the addresses under which the hub serves the page, one for each folder with a `page.ts`. */
export function pageAddresses(root: string): Plugin {
  return {
    name: "page-addresses",
    generateBundle() {
      const names = readdirSync(root).filter((name) => existsSync(join(root, name, "page.ts"))).sort();
      this.emitFile({ type: "asset", fileName: "pages.json", source: JSON.stringify(names) });
    },
  };
}
