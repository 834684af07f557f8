/** What the tabs of one browser tell each other: who holds which session, and which picture is finished. */

import { answerAsks, heldElsewhere, type Wire } from "../wire/session";

export interface Finished {
  image: string;
  metadata: string | null;
}

export class Tabs {
  #channel = new BroadcastChannel("hub.tabs");

  /** Whether another open tab lives on this session. A reloaded page keeps its own without asking. */
  async hold(sessionId: string): Promise<boolean> {
    return !isReload() && (await heldElsewhere(sessionId, this.#channel as unknown as Wire));
  }

  /** From now on answers for this tab's session, and hears of pictures finished in other tabs. */
  listen(session: () => string | null, finished: (picture: Finished) => void): void {
    answerAsks(session, this.#channel as unknown as Wire);
    this.#channel.addEventListener("message", (event: MessageEvent<{ finished?: Finished }>) => {
      if (event.data.finished) finished(event.data.finished);
    });
  }

  tell(finished: Finished): void {
    this.#channel.postMessage({ finished });
  }
}

const isReload = (): boolean =>
  (performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined)?.type === "reload";
