/** What became of requests whose socket was lost: the work went on, so its events are asked for again. */

import { socketAddress } from "../wire/address";
import type { Hub } from "../wire/request";
import type { BatchEvent, Request } from "./batch";
import { eventsOf, eventsOfList, type JobFrame } from "./watch";

export interface Reattached {
  hub: Hub;
  page: string;
  /** All requests of this page at this moment. */
  requests: () => Request[];
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
  const detached = (): Request[] => to.requests().filter((request) => request.state === "detached");
  const socket = new WebSocket(socketAddress(to.page, "hub/v1/jobs/watch"));
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ session_id }));
    socket.onmessage = (event) => {
      const frame = JSON.parse(String(event.data)) as JobFrame;
      if (frame.error !== undefined || frame.error_id !== undefined) return socket.close();
      const others = to.requests().filter((request) => request.state !== "detached");
      const told = frame.jobs ? eventsOfList(frame.jobs, detached(), others) : eventsOf(frame, detached());
      told.forEach(to.tell);
      if (frame.jobs || frame.event === "imaged") to.changed();
      if (detached().length === 0) resolve();
    };
    socket.onclose = () => (detached().length === 0 ? resolve() : reject(new Error("job stream lost")));
  }).finally(() => {
    socket.onclose = null;
    socket.close();
  });
}
