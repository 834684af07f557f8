/** The requests of this tab that are not over, kept so that a reloaded page finds them again. */

import type { Batch, Request } from "./batch";

const KEY = "hub.open";
/** The browser keeps about five million characters a tab; a picture sent along may be larger than that. */
const MOST = 100_000;

/** Keeps what is not over; previews are left out, they are large and old the moment they are written. */
export function keepOpen(batch: Batch, keep: Storage = sessionStorage): void {
  const open = batch.requests.filter((request) => request.state !== "ended").map(light);
  const fitting = open.filter((request) => request.state !== "unsent" || Object.keys(request.given).length > 0);
  if (fitting.length === 0) keep.removeItem(KEY);
  else keep.setItem(KEY, JSON.stringify(fitting));
}

/** A request too large to keep loses its parameters: it is still found again, but cannot be sent once more. */
function light(request: Request): Request {
  const large = Object.values(request.given).some((value) => String(value).length > MOST);
  const cells = request.cells.map((cell) => ({ ...cell, preview: null }));
  return { ...request, given: large ? {} : request.given, cells };
}

/** What was kept: requests with the hub have lost their socket, the others are still to be sent. */
export function takeOpen(keep: Storage = sessionStorage): Request[] {
  try {
    const kept = JSON.parse(keep.getItem(KEY) ?? "[]") as Request[];
    return kept.map((request) => (request.state === "unsent" ? request : { ...request, state: "detached", socket: null }));
  } catch {
    keep.removeItem(KEY);
    return [];
  }
}
