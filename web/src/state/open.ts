/** The requests of this tab that are with the hub, kept so that a reloaded page finds them again. */

import type { Batch, Request } from "./batch";

const KEY = "hub.open";

/** Keeps what is not over; previews are left out, they are large and old the moment they are written. */
export function keepOpen(batch: Batch): void {
  const open = batch.requests.filter((request) => request.state === "open" || request.state === "detached");
  const light = open.map((request) => ({
    ...request,
    given: Object.fromEntries(Object.entries(request.given).filter(([, value]) => String(value).length < 10_000)),
    cells: request.cells.map((cell) => ({ ...cell, preview: null })),
  }));
  if (light.length === 0) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify(light));
}

/** What was kept, as requests whose socket is gone. */
export function takeOpen(): Request[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as Request[];
    return kept.map((request) => ({ ...request, state: "detached", socket: null }));
  } catch {
    sessionStorage.removeItem(KEY);
    return [];
  }
}
