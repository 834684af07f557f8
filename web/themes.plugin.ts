import { readFileSync, readdirSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/**
 * Puts every folder of `themes/` that holds a `theme.json` into the built page as
 * `assets/themes/<id>/theme.css`, at a fixed address, so that a theme is one folder and no list.
 */
export function themeFolders(root: string): Plugin {
  const ids = (): string[] =>
    readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, "theme.json")))
      .map((entry) => entry.name)
      .sort();
  return {
    name: "theme-folders",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const wanted = /^\/assets\/themes\/([a-z0-9_]+)\/theme\.css/.exec(request.url ?? "")?.[1];
        if (wanted === undefined || !ids().includes(wanted)) return next();
        response.setHeader("Content-Type", "text/css");
        response.end(readFileSync(join(root, wanted, "theme.css")));
      });
    },
    generateBundle() {
      for (const id of ids()) {
        this.emitFile({
          type: "asset",
          fileName: `assets/themes/${id}/theme.css`,
          source: readFileSync(join(root, id, "theme.css")),
        });
      }
    },
  };
}
