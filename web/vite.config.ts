import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { pageAddresses } from "./pages.plugin.ts";
import { themeFolders } from "./themes.plugin.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const hub = process.env["HUB_URL"] ?? "http://127.0.0.1:7801";
const behind = { target: hub, changeOrigin: true, ws: true };

export default defineConfig({
  // Relative addresses: the page has to work under any path a reverse proxy gives it.
  base: "./",
  plugins: [svelte(), themeFolders(here("../themes")), pageAddresses(here("src/pages"))],
  build: { outDir: here("../hub/static"), emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false } },
  server: { proxy: { "/API": behind, "/View": behind, "/hub": behind }, fs: { allow: [here("..")] } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
