/** From the hub's job stream to what the batch has to know. Pure. */

import type { BatchEvent, Request } from "./batch";

/** One image of a job as the list tells it. */
export interface ImageView {
  index: number;
  state: string;
  image?: string | null;
  error?: string | null;
}

/** One job as the list tells it; `session` is the first digits of its session. */
export interface JobView {
  job: string;
  request_id: string;
  session: string;
  state: string;
  images: ImageView[];
  error?: string;
}

/** A frame of `hub/v1/jobs/watch`: first the list of jobs as they stand, then events named by `event`. */
export interface JobFrame {
  jobs?: JobView[];
  event?: string;
  job?: string;
  request_id?: string;
  index?: number;
  image?: string;
  metadata?: string | null;
  step?: number;
  steps?: number;
  preview?: string;
  reason?: string;
  error?: string;
  error_id?: string;
}

const OVER = new Set(["done", "failed", "cancelled"]);
const UNKNOWN = { reason: "The hub no longer knows this request. If the picture was finished, it is in the history." };

/**
 * What the list of jobs means for the requests whose socket was lost. A request the hub had not yet named is the
 * oldest job of its session that asked for as many images and belongs to no other request; where there is none, the
 * request never arrived and is sent again.
 */
export function eventsOfList(jobs: JobView[], detached: Request[], others: Request[] = []): BatchEvent[] {
  const taken = new Set([...others, ...detached].map((request) => request.requestId).filter((number) => number !== null));
  const oldestFirst = [...jobs].reverse();
  return detached.flatMap((request): BatchEvent[] => {
    const job = oldestFirst.find((one) =>
      request.requestId === null
        ? !taken.has(one.request_id) && one.images.length === request.promised && (request.session ?? "").startsWith(one.session)
        : one.request_id === request.requestId,
    );
    if (job) taken.add(job.request_id);
    if (job) return standing(request.id, job);
    return [request.requestId === null ? { kind: "held", id: request.id } : { kind: "ended", id: request.id, ...UNKNOWN }];
  });
}

function standing(id: string, job: JobView): BatchEvent[] {
  const events: BatchEvent[] = [{ kind: "named", id, job: job.job, requestId: job.request_id }];
  for (const { index, state, image, error } of job.images) {
    if (image) events.push({ kind: "found", id, index, image, metadata: null });
    else if (error) events.push({ kind: "missing", id, index, state: "failed", reason: error });
    else if (state === "cancelled") events.push({ kind: "missing", id, index, state: "interrupted", reason: "" });
  }
  if (OVER.has(job.state)) events.push({ kind: "ended", id, reason: job.error || null });
  return events;
}

/** What one event means for the requests of this page; nothing for jobs of other tabs. */
export function eventsOf(frame: JobFrame, detached: Request[]): BatchEvent[] {
  const request = detached.find((one) => one.job !== null && one.job === frame.job);
  if (request === undefined) return [];
  const { id } = request;
  const { index = 0, metadata = null, reason = "", step = 0, steps = 0, preview = null, image = "" } = frame;
  switch (frame.event) {
    case "imaged":
      return [{ kind: "found", id, index, image, metadata }];
    case "progressed":
      return [{ kind: "progressed", id, index, step, steps, preview }];
    case "image_failed":
      return [{ kind: "missing", id, index, state: "failed", reason }];
    case "image_cancelled":
      return [{ kind: "missing", id, index, state: "interrupted", reason: "" }];
    case "ended":
      return [{ kind: "ended", id, reason: null }];
    default:
      return [];
  }
}
