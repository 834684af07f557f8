/** What became of requests whose socket was lost: the work went on, so its outcome is looked up. */

import type { Hub } from "../wire/request";
import type { StatusAnswer } from "../wire/shapes";
import type { BatchEvent, Request } from "./batch";

const LOOK_MS = 1500;

/** Waits until the hub has nothing left to do for this session, then closes the requests and shows the history. */
export async function reattach(
  hub: Hub, requests: Request[], tell: (event: BatchEvent) => void, changed: () => void,
): Promise<void> {
  for (;;) {
    const { status } = await hub.call<StatusAnswer>("GetCurrentStatus");
    if (status.waiting_gens + status.live_gens === 0) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    changed();
  }
  for (const { id } of requests) tell({ kind: "ended", id, reason: "The connection was lost; the picture is in the history." });
  changed();
}
