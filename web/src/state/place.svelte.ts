/** Which page is open and what its address says: filters, tabs and open items survive a reload and can be shared. */

import { baseOf } from "../wire/address";

export class Place {
  /** The page's word in the address; empty for the first page. */
  path = $state("");
  query = $state.raw(new URLSearchParams());

  constructor() {
    this.#read();
    addEventListener("popstate", () => this.#read());
  }

  /** The address of a page, relative to whatever base the hub is under. */
  to(path: string, query: Record<string, string> = {}): string {
    const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
    return `./${path === "generate" ? "" : path}${words === "" ? "" : `?${words}`}`;
  }

  /** Opens a page. */
  go(path: string, query: Record<string, string> = {}): void {
    history.pushState(null, "", baseOf(location.href) + this.to(path, query).slice(2));
    this.#read();
    scrollTo({ top: 0 });
  }

  /** Changes a part of the present page's address; an empty value leaves it out. */
  set(changes: Record<string, string>): void {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes)) {
      if (value === "") query.delete(name);
      else query.set(name, value);
    }
    const words = query.toString();
    history.replaceState(null, "", location.pathname + (words === "" ? "" : `?${words}`));
    this.query = query;
  }

  /** A word of the address, or `otherwise`. */
  word(name: string, otherwise = ""): string {
    return this.query.get(name) ?? otherwise;
  }

  /** Follows a link inside the page without loading anything anew; others are the browser's. */
  follow = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target !== "" || link.hasAttribute("download") || !link.hasAttribute("data-page")) return;
    event.preventDefault();
    const url = new URL(link.href);
    this.go(url.pathname.slice(url.pathname.lastIndexOf("/") + 1), Object.fromEntries(url.searchParams));
  };

  #read(): void {
    this.path = location.pathname.slice(location.pathname.lastIndexOf("/") + 1);
    this.query = new URLSearchParams(location.search);
  }
}
