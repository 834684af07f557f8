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
  /** Why no engine takes what waits of it now, a sentence an engine. */
  held_up?: string[];
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
 * The job a request became: the one of its number, or, where the hub had not yet named it, the oldest of its session
 * that has as many images and belongs to no other request of this page.
 */
export function jobOf(jobs: JobView[], request: Request, all: Request[]): JobView | null {
  const taken = new Set(all.map((one) => one.requestId));
  const fits = (job: JobView): boolean =>
    request.requestId === null
      ? !taken.has(job.request_id) && job.images.length === request.promised && (request.session ?? "").startsWith(job.session)
      : job.request_id === request.requestId;
  return jobs.findLast(fits) ?? null;
}

/**
 * What the list of jobs means for the requests whose socket was lost. Where a request the hub had not named is not
 * among them, it never arrived and is sent again.
 */
export function eventsOfList(jobs: JobView[], detached: Request[], others: Request[] = []): BatchEvent[] {
  const all = [...others, ...detached];
  return detached.flatMap((request): BatchEvent[] => {
    const job = jobOf(jobs, request, all);
    if (job === null) {
      const again = request.requestId === null && Object.keys(request.given).length > 0;
      return [again ? { kind: "held", id: request.id } : { kind: "ended", id: request.id, ...UNKNOWN }];
    }
    all.push({ ...request, requestId: job.request_id });
    return standing(request.id, job);
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
