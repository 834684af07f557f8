/** What this person may do, kept right while the page is open: roles change meanwhile. */

import type { Hub } from "../wire/request";
import { Refused } from "../wire/trouble";

/** Milliseconds between two readings that refusals cause: a page of refusals asks once. */
const REST_MS = 1000;

interface UserData {
  permissions: string[];
}

export class Rights {
  #reading: Promise<void> | null = null;
  #last = -REST_MS;

  constructor(
    private readonly hub: Pick<Hub, "call">,
    private readonly held: () => readonly string[],
    /** Told of the permissions when they are others than those held. */
    private readonly changed: (permissions: string[]) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Reads the permissions anew, at most one reading at a time. Raises `Unreachable` and other refusals. */
  async read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
      this.#last = this.now();
    });
    return this.#reading;
  }

  /** A call was refused for want of a permission: what the page believes may be old. */
  refused(): void {
    if (this.#reading !== null || this.now() - this.#last < REST_MS) return;
    this.read().catch(() => undefined); // the next poll meets the same trouble and shows it
  }

  async #read(): Promise<void> {
    let fresh: string[];
    try {
      fresh = (await this.hub.call<UserData>("GetMyUserData")).permissions;
    } catch (cause) {
      // Whoever may not even read their own data holds one permission less than the page believes.
      const lost = cause instanceof Refused ? cause.permission : null;
      if (lost === null) throw cause;
      fresh = this.held().filter((flag) => flag !== lost && flag !== "*");
    }
    const before = this.held();
    if (fresh.length !== before.length || fresh.some((flag) => !before.includes(flag))) this.changed(fresh);
  }
}
