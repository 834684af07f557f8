/** The pictures of the gallery, read page by page, which are selected, and which are about to be deleted. */

import { SvelteSet } from "svelte/reactivity";
import type { Item } from "../../state/history.svelte";
import { toItem, pictureRoot } from "../../state/history.svelte";
import { explain } from "../../state/explain";
import { readParameters } from "../../state/shaping";
import type { Hub } from "../../wire/request";
import type { HistoryAnswer } from "../../wire/shapes";
import { Refused } from "../../wire/trouble";

const PAGE = 200;
/** How long a deletion can be taken back. */
export const UNDO_MS = 8000;

export interface Wanted {
  search: string;
  folder: string;
  starred: boolean;
  /** Oldest first. */
  oldest: boolean;
}

interface Going {
  items: Item[];
  timer: ReturnType<typeof setTimeout>;
}

export class Album {
  items = $state.raw<Item[]>([]);
  folders = $state.raw<string[]>([]);
  selected = new SvelteSet<string>();
  state = $state<"loading" | "ready" | "failed">("loading");
  problem = $state("");
  /** Where the next page begins; empty when everything was read. */
  next = $state("");
  /** Deleted, but it can still be taken back. */
  going = $state.raw<Going | null>(null);
  #wanted: Wanted = { search: "", folder: "", starred: false, oldest: false };
  #run = 0;
  #reading = false;

  constructor(
    private readonly hub: Hub,
    private readonly told: (problem: string) => void,
  ) {}

  /** Begins anew with other wishes. */
  async show(wanted: Wanted): Promise<void> {
    this.#wanted = wanted;
    this.#run += 1;
    this.items = [];
    this.next = "";
    this.#reading = false;
    this.selected.clear();
    this.state = "loading";
    await this.more();
  }

  /** Reads the next page, at most one at a time. */
  async more(): Promise<void> {
    if (this.#reading || (this.state === "ready" && this.next === "")) return;
    this.#reading = true;
    const run = this.#run;
    const { search, folder, starred, oldest } = this.#wanted;
    try {
      const given = { path: folder, depth: 10, sortBy: "Date", sortReverse: oldest, search, starred, limit: PAGE, before: this.next };
      const answer = await this.hub.call<HistoryAnswer & { next?: string }>("ListImages", given);
      if (run !== this.#run) return;
      const root = pictureRoot(this.hub.current);
      const fresh = answer.files.map((file) => toItem({ ...file, src: joined(folder, file.src) }, root));
      const gone = new Set(this.going?.items.map((item) => item.id));
      this.items = [...this.items, ...fresh.filter((item) => !gone.has(item.id))];
      if (this.folders.length === 0 || folder === "") this.folders = answer.folders;
      this.next = answer.files.length === 0 ? "" : (answer.next ?? "");
      this.state = "ready";
    } catch (cause) {
      if (run !== this.#run) return;
      this.state = "failed";
      this.problem = explain(cause);
    } finally {
      if (run === this.#run) this.#reading = false;
    }
  }

  get chosen(): Item[] {
    return this.items.filter((item) => this.selected.has(item.id));
  }

  async star(items: Item[], starred: boolean): Promise<void> {
    for (const item of items.filter((one) => one.starred !== starred)) {
      const { new_state } = await this.hub.call<{ new_state: boolean }>("ToggleImageStarred", { path: item.path });
      this.items = this.items.map((other) => (other.id === item.id ? { ...other, starred: new_state } : other));
    }
  }

  /** Takes pictures away; the hub is told when they can no longer be taken back. */
  remove(items: Item[]): void {
    void this.settle();
    const gone = new Set(items.map((item) => item.id));
    this.items = this.items.filter((item) => !gone.has(item.id));
    for (const id of gone) this.selected.delete(id);
    this.going = { items, timer: setTimeout(() => void this.settle(), UNDO_MS) };
  }

  /** Puts back what was taken away last. */
  async undo(): Promise<void> {
    if (this.going === null) return;
    clearTimeout(this.going.timer);
    this.going = null;
    await this.show(this.#wanted);
  }

  /** Deletes for good what was taken away; also when the page is left. */
  async settle(): Promise<void> {
    const going = this.going;
    if (going === null) return;
    clearTimeout(going.timer);
    this.going = null;
    for (const item of going.items) await this.#delete(item).catch((cause: unknown) => this.told(explain(cause)));
  }

  /** Of a starred picture the original too, or it would come back in the copy's place. */
  async #delete(item: Item): Promise<void> {
    await this.hub.call("DeleteImage", { path: item.path });
    if (!item.path.startsWith("Starred/")) return;
    await this.hub.call("DeleteImage", { path: `raw/${item.id}` }).catch((trouble: unknown) => {
      if (!(trouble instanceof Refused)) throw trouble; // the original was deleted before
    });
  }
}

/** The hub names pictures below the folder that was asked for. */
const joined = (folder: string, src: string): string => (folder === "" ? src : `${folder}/${src}`);

/** The day a picture is from, as in its path or its metadata; empty when neither tells. */
export function dayOf(item: Item): string {
  return /(\d{4}-\d{2}-\d{2})/.exec(item.path)?.[1] ?? /"date":\s*"(\d{4}-\d{2}-\d{2})/.exec(item.metadata ?? "")?.[1] ?? "";
}

/** What a picture is called: the start of its prompt. */
export function nameOf(item: Item): string {
  return String(readParameters(item.metadata)["prompt"] ?? "").slice(0, 120);
}
