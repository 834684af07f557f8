/** From an event of the hub's job stream to what the batch has to know. Pure. */

import type { BatchEvent, Request } from "./batch";

/** A frame of `hub/v1/jobs/watch`; which keys it has depends on `type`. */
export interface JobFrame {
  type?: string;
  job?: string;
  session?: string;
  request_id?: number | string;
  number?: number;
  index?: number;
  url?: string;
  metadata?: string | null;
  step?: number;
  steps?: number;
  preview?: string | null;
  reason?: string;
  state?: string;
  promised?: number;
  images?: { index: number; url: string; metadata: string | null }[] | number;
  error?: string;
  error_id?: string;
}

/**
 * The request a job belongs to: by its id, by the hub's request number, or, when the socket was lost before the hub
 * had said either, the oldest nameless one that asked for as many images.
 */
export function requestOfJob(frame: JobFrame, requests: Request[]): Request | null {
  const number = frame.request_id === undefined ? null : String(frame.request_id);
  const promised = typeof frame.images === "number" ? frame.images : frame.promised;
  return (
    requests.find((request) => request.job !== null && request.job === frame.job) ??
    requests.find((request) => request.requestId !== null && request.requestId === number) ??
    requests.find(
      (request) => request.job === null && request.requestId === null && request.promised === promised,
    ) ??
    null
  );
}

/** What `frame` means for the requests of this page; nothing for jobs of other tabs. */
export function eventsOf(frame: JobFrame, requests: Request[]): BatchEvent[] {
  const request = requestOfJob(frame, requests);
  if (request === null || frame.job === undefined) return [];
  const { id } = request;
  const events: BatchEvent[] =
    request.job === null ? [{ kind: "named", id, job: frame.job, requestId: String(frame.request_id ?? "") }] : [];
  const { index = 0, metadata = null, reason = "" } = frame;
  switch (frame.type) {
    case "snapshot":
      for (const image of Array.isArray(frame.images) ? frame.images : []) {
        events.push({ kind: "found", id, index: image.index, image: image.url, metadata: image.metadata });
      }
      if (frame.state !== "waiting" && frame.state !== "running") {
        events.push({ kind: "ended", id, reason: frame.reason || null });
      }
      break;
    case "imaged":
      events.push({ kind: "found", id, index, image: frame.url ?? "", metadata });
      break;
    case "progressed": {
      const { step = 0, steps = 0, preview = null } = frame;
      events.push({ kind: "progressed", id, index, step, steps, preview });
      break;
    }
    case "image_failed":
      events.push({ kind: "missing", id, index, state: "failed", reason });
      break;
    case "image_cancelled":
      events.push({ kind: "missing", id, index, state: "interrupted", reason: "" });
      break;
    case "ended":
      events.push({ kind: "ended", id, reason: null });
      break;
    case "unknown":
      events.push({ kind: "ended", id, reason: "The hub no longer knows this request." });
      break;
  }
  return events;
}
