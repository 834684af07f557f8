/** What became of requests whose socket was lost: the work went on, so its events are asked for again. */

import { socketAddress } from "../wire/address";
import type { Hub } from "../wire/request";
import type { BatchEvent, Request } from "./batch";
import { eventsOf, type JobFrame } from "./watch";

export interface Reattached {
  hub: Hub;
  page: string;
  /** The requests still detached at this moment. */
  detached: () => Request[];
  tell: (event: BatchEvent) => void;
  /** A picture may have been added. */
  changed: () => void;
}

/**
 * Follows the job stream until every detached request has ended. Resolves then; rejects when the stream is lost, so
 * that the caller waits for the connection and tries again.
 */
export async function reattach(to: Reattached): Promise<void> {
  const { session_id } = await to.hub.session();
  const jobs = Object.fromEntries(to.detached().flatMap(({ job }) => (job === null ? [] : [[job, 0]])));
  const socket = new WebSocket(socketAddress(to.page, "hub/v1/jobs/watch"));
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ session_id, jobs, session: true }));
    socket.onmessage = (event) => {
      const frame = JSON.parse(String(event.data)) as JobFrame;
      if (frame.error !== undefined || frame.error_id !== undefined) {
        for (const { id } of to.detached()) to.tell({ kind: "ended", id, reason: frame.error ?? null });
      }
      for (const told of eventsOf(frame, to.detached())) to.tell(told);
      if (frame.type === "imaged" || frame.type === "snapshot") to.changed();
      if (to.detached().length === 0) resolve();
    };
    socket.onclose = () => (to.detached().length === 0 ? resolve() : reject(new Error("job stream lost")));
  }).finally(() => {
    socket.onclose = null;
    socket.close();
    to.changed();
  });
}
