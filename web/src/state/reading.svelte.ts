/** Something read from the hub: on its way, there, or failed with a reason. */

import { Refused, Unreachable } from "../wire/trouble";
import { explain } from "./explain";

export class Reading<Answer> {
  value = $state.raw<Answer | null>(null);
  /** Why the last reading failed; the value read before stays. */
  problem = $state("");
  /** The permission that was missing. */
  permission = $state("");
  busy = $state(false);
  #run = 0;

  constructor(private readonly read: () => Promise<Answer>) {}

  /** Reads anew; of several readings under way the newest counts. Never raises. */
  async load(): Promise<void> {
    this.#run += 1;
    const run = this.#run;
    this.busy = true;
    try {
      const value = await this.read();
      if (run !== this.#run) return;
      this.value = value;
      this.problem = this.permission = "";
    } catch (cause) {
      if (run !== this.#run) return;
      this.problem = explain(cause);
      this.permission = cause instanceof Refused ? (cause.permission ?? "") : "";
      if (!(cause instanceof Refused || cause instanceof Unreachable)) throw cause;
    } finally {
      if (run === this.#run) this.busy = false;
    }
  }

  /** Reads now and then while the page is seen; gives a function that ends it. */
  every(ms: number): () => void {
    void this.load();
    const timer = setInterval(() => {
      if (!document.hidden) void this.load();
    }, ms);
    return () => clearInterval(timer);
  }
}
