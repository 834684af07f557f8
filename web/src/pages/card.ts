/** What the frame knows of a page before it is loaded. */

import type { Component } from "svelte";
import type { Drawing } from "../parts/Icon.svelte";

export interface PageCard {
  /** Place in the menu, from the start. */
  order: number;
  /** Its name: an English sentence of `languages/`. */
  title: string;
  icon: Drawing;
  /** The permission flag without which the page is not offered; any one of them is enough. */
  flags: string[];
  /** Whether the menu names it; the others are reached from elsewhere. */
  listed: boolean;
  load: () => Promise<{ default: Component }>;
}
