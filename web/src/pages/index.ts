/** Every page: a folder here with a `page.ts`, whose name is the page's address. */

import type { PageCard } from "./card";

const found = import.meta.glob<PageCard>("./*/page.ts", { eager: true, import: "default" });

/** One page and its address: a single word, so that relative addresses stay right under any base path. */
export interface Page extends PageCard {
  path: string;
}

/** The first page has the empty address. */
export const HOME = "generate";

export const pages: Page[] = Object.entries(found)
  .map(([file, card]) => ({ ...card, path: file.split("/")[1] ?? "" }))
  .sort((one, other) => one.order - other.order);

/** The page at an address; undefined where there is none. */
export function pageAt(path: string): Page | undefined {
  return pages.find((page) => page.path === (path === "" ? HOME : path));
}
