/** Why what waits is not drawn yet: asked now and then while a request waits and nothing of it is drawn. */

import { getContext, setContext } from "svelte";
import type { Desk } from "../../state/desk.svelte";
import { isWaiting, reasonsOf, type Reasons } from "../../state/waits";
import type { JobView } from "../../state/watch";

const EVERY_MS = 2500;

export class Waits {
  reasons = $state.raw<Reasons>({});

  constructor(private readonly desk: Desk) {}

  /** Asks until the function it gives is called. A request that has just been sent has this long to begin. */
  follow(): () => void {
    const timer = setInterval(() => {
      if (!document.hidden) void this.look();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }

  /** Asks once; where the hub does not answer the page says so elsewhere. */
  async look(): Promise<void> {
    const { generation, hub } = this.desk;
    if (!generation.batch.requests.some(isWaiting) || generation.connection.state !== "up") {
      if (Object.keys(this.reasons).length > 0) this.reasons = {};
      return;
    }
    const answer = await hub.call<{ jobs: JobView[] }>("hub/v1/jobs", { state: "waiting,running" }).catch(() => null);
    if (answer !== null) this.reasons = reasonsOf(answer.jobs, generation.batch.requests);
  }
}

const NAME = "waits";
export const provideWaits = (waits: Waits): Waits => setContext(NAME, waits);
export const useWaits = (): Waits => getContext<Waits>(NAME);
