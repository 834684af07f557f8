/** The finished pictures of this user, newest first, the same in all tabs. */

import { pictureAddress, pictureIdentity } from "../wire/address";
import type { Hub } from "../wire/request";
import { Refused } from "../wire/trouble";
import type { HistoryAnswer, HistoryFile, SessionAnswer } from "../wire/shapes";

const PAGE = 48;
const SETTLE_MS = 400;

export interface Item {
  /** The same whether starred or not. */
  id: string;
  path: string;
  address: string;
  small: string;
  metadata: string | null;
  starred: boolean;
}

export class History {
  items = $state.raw<Item[]>([]);
  /** How many are drawn; grows while one scrolls. */
  shown = $state(PAGE);
  state = $state<"loading" | "ready" | "failed">("loading");
  problem = $state("");
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running: Promise<void> | null = null;

  constructor(private readonly hub: Hub) {}

  /** Reads the list anew, at most one reading at a time. */
  async load(): Promise<void> {
    this.#running ??= this.#read().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #read(): Promise<void> {
    try {
      await this.hub.session();
      const root = this.#root();
      const given = { path: "", depth: 10, sortBy: "Date", sortReverse: false };
      const answer = await this.hub.call<HistoryAnswer>("ListImages", given);
      this.items = answer.files.map((file) => toItem(file, root));
      this.state = "ready";
    } catch (trouble) {
      this.state = "failed";
      this.problem = trouble instanceof Error ? trouble.message : String(trouble);
    }
  }

  #root(): string {
    return pictureRoot(this.hub.current);
  }

  /** Puts a picture that was just finished in front, without reading the whole list again. */
  add(src: string, metadata: string | null): void {
    const root = this.#root();
    if (!src.startsWith(root) || this.find(pictureIdentity(src)) !== null) return;
    this.items = [toItem({ src: src.slice(root.length), metadata }, root), ...this.items];
  }

  /** Reads the list anew soon; many pictures finishing together cause one reading. */
  soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.load();
    }, SETTLE_MS);
  }

  more(): void {
    this.shown = Math.min(this.shown + PAGE, Math.max(this.items.length, PAGE));
  }

  /** The listed picture of that identity. */
  find(id: string): Item | null {
    return this.items.find((item) => item.id === id) ?? null;
  }

  async star(item: Item): Promise<boolean> {
    const { new_state } = await this.hub.call<{ new_state: boolean }>("ToggleImageStarred", { path: item.path });
    this.items = this.items.map((other) => (other.id === item.id ? { ...other, starred: new_state } : other));
    await this.load(); // the starred copy is listed in the original's place
    return new_state;
  }

  /** Deletes a picture; of a starred one the original too, or it would come back in the copy's place. */
  async remove(item: Item): Promise<void> {
    await this.hub.call("DeleteImage", { path: item.path });
    if (item.path.startsWith("Starred/")) {
      await this.hub.call("DeleteImage", { path: `raw/${item.id}` }).catch((trouble: unknown) => {
        if (!(trouble instanceof Refused)) throw trouble; // the original was deleted before
      });
    }
    this.items = this.items.filter((other) => other.id !== item.id);
  }
}

/** Where a user's pictures lie on the wire. */
export function pictureRoot(session: SessionAnswer | null): string {
  return session?.output_append_user === false ? "Output/" : `View/${session?.user_id ?? ""}/`;
}

/** A listed file as the page draws it; `root` is where the user's pictures lie. */
export function toItem(file: HistoryFile, root: string): Item {
  const address = pictureAddress(root + file.src);
  return {
    id: pictureIdentity(file.src),
    path: file.src,
    address,
    small: pictureAddress(root + file.src, true),
    metadata: file.metadata,
    starred: isStarred(file),
  };
}

function isStarred(file: HistoryFile): boolean {
  if (file.src.startsWith("Starred/")) return true;
  try {
    return (JSON.parse(file.metadata ?? "{}") as { is_starred?: boolean }).is_starred === true;
  } catch {
    return false;
  }
}
