/** Which of several requests on one socket a frame speaks of, and how a request ends. */

import type { Request } from "./batch";
import type { Cell } from "./cell";

/** Where a request lives on the wire. */
export interface Owned {
  /** Number of the socket it was sent on, counted by this page; null before it is sent. */
  socket: number | null;
  /** The session it was sent under. */
  session: string | null;
  /** The `batch_index` of its first image: indices go on counting over all requests of one socket. */
  offset: number;
  /** How many images it asked for. */
  promised: number;
  /** The hub's number for it, known from its first progress or image. */
  requestId: string | null;
  /** The hub's id of the job, where the hub told it. */
  job: string | null;
}

export interface Clue {
  index: number | null;
  requestId: string | number | undefined;
  /** The frame ends its request and may name neither index nor request. */
  ending: boolean;
}

const open = (cell: Cell): boolean => cell.state === "waiting" || cell.state === "running";

const holds = (request: Request, index: number): boolean =>
  index >= request.offset && index < request.offset + request.promised;

/** The local id of the request the clue points to, or null when it could be several. */
export function ownerOf(requests: Request[], socket: number, clue: Clue): string | null {
  const here = requests.filter((request) => request.socket === socket && request.state === "open");
  if (clue.requestId !== undefined) {
    const named = here.find((request) => request.requestId === String(clue.requestId));
    if (named) return named.id;
  }
  const index = clue.index;
  if (index !== null) {
    const holder = here.find((request) => holds(request, index));
    if (holder) return holder.id;
  }
  if (clue.ending) return ending(here);
  // A refusal comes before anything else of its request, so the oldest one that is still silent is meant.
  return (here.find((request) => request.requestId === null) ?? here[0])?.id ?? null;
}

function ending(here: Request[]): string | null {
  if (here.length === 1) return here[0]?.id ?? null;
  const over = here.find((request) => request.cells.every((cell) => !open(cell)));
  const stopping = here.find((request) => request.stopping || request.cells.some((cell) => cell.state === "failed"));
  return (over ?? stopping)?.id ?? null;
}

/** The request as it stays: whatever is still open was interrupted, or failed where there is a reason. */
export function settle(request: Request, reason: string | null): Request {
  const cells = request.cells.map((cell): Cell =>
    open(cell) ? { ...cell, preview: null, state: reason === null ? "interrupted" : "failed", reason } : cell,
  );
  return { ...request, state: "ended", cells };
}
