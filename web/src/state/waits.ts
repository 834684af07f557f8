/** Which requests wait without being drawn, and why, as the list of jobs tells it. Pure. */

import type { Request } from "./batch";
import { jobOf, type JobView } from "./watch";

/** Why the waiting images of requests wait: sentences by the request's local id. */
export type Reasons = Record<string, string[]>;

/** Whether nothing of a request is being drawn while something of it waits. */
export const isWaiting = (request: Request): boolean =>
  (request.state === "open" || request.state === "detached") &&
  request.cells.some((cell) => cell.state === "waiting") &&
  !request.cells.some((cell) => cell.state === "running");

/** What the list of jobs says of the requests that wait; nothing for those that need not be explained. */
export function reasonsOf(jobs: JobView[], requests: Request[]): Reasons {
  const told: Reasons = {};
  for (const request of requests.filter(isWaiting)) {
    const job = jobs.find((one) => one.job === request.job) ?? jobOf(jobs, request, requests);
    const reasons = job?.held_up ?? [];
    if (reasons.length > 0) told[request.id] = reasons;
  }
  return told;
}
