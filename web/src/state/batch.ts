/** The batch strip as a pure state machine: what was sent and every frame go in, the cells to draw come out. */

import { pictureIdentity } from "../wire/address";
import type { Counts, Frame, Value } from "../wire/shapes";
import { blank, done, isTerminal, over, running, stepped, type Cell } from "./cell";
import { ownerOf, settle, type Owned } from "./owner";

export interface Refusal {
  message: string;
  field: string | null;
  limit: Value | null;
  permission: string | null;
}

/**
 * `unsent` waits for a connection, `open` is with the hub, `detached` is with the hub but its socket was lost,
 * `ended` gets no more frames.
 */
export type RequestState = "unsent" | "open" | "detached" | "ended";

export interface Request extends Owned {
  id: string;
  state: RequestState;
  given: Record<string, Value>;
  sentAt: number;
  stopping: boolean;
  refusal: Refusal | null;
  cells: Cell[];
}

export interface Batch {
  requests: Request[];
  counts: Counts | null;
}

export type BatchEvent =
  | { kind: "asked"; id: string; promised: number; given: Record<string, Value>; at: number }
  | { kind: "sent"; id: string; socket: number; offset: number; session?: string }
  | { kind: "held"; id: string }
  | { kind: "frame"; socket: number; frame: Frame }
  | { kind: "lost"; socket: number }
  | { kind: "closed"; socket: number }
  | { kind: "stopped" }
  | { kind: "found"; id: string; index: number; image: string; metadata: string | null }
  | { kind: "progressed"; id: string; index: number; step: number; steps: number; preview: string | null }
  | { kind: "named"; id: string; job: string; requestId: string }
  | { kind: "missing"; id: string; index: number | null; state: "failed" | "interrupted"; reason: string }
  | { kind: "ended"; id: string; reason: string | null }
  | { kind: "dropped"; id: string }
  | { kind: "removed"; picture: string }
  | { kind: "cleared" };

export const EMPTY: Batch = { requests: [], counts: null };
export const INTERRUPTED = "Generation session interrupted.";

/** The next state; never changes the one given. */
export function reduce(batch: Batch, event: BatchEvent): Batch {
  switch (event.kind) {
    case "asked":
      return { ...batch, requests: [...batch.requests, asked(event)] };
    case "frame":
      return framed(batch, event.socket, event.frame);
    case "lost":
      return onSocket(batch, event.socket, (request) => ({ ...request, state: "detached" }));
    case "closed": {
      const reason = "The hub closed the connection before it began this request.";
      return onSocket(batch, event.socket, (request) => settle(request, reason));
    }
    case "stopped":
      return each(batch, (request) => (request.state === "ended" ? request : stopped(request)));
    case "dropped":
      return { ...batch, requests: batch.requests.filter((request) => request.id !== event.id) };
    case "removed":
      return each(batch, (request) => ({ ...request, cells: request.cells.filter((cell) => !shows(cell, event.picture)) }));
    case "cleared":
      return { ...batch, requests: batch.requests.filter((request) => request.state !== "ended") };
    default:
      return each(batch, (request) => (request.id === event.id ? touched(request, event) : request));
  }
}

function asked(event: Extract<BatchEvent, { kind: "asked" }>): Request {
  return {
    id: event.id, state: "unsent", given: event.given, sentAt: event.at, stopping: false, refusal: null,
    socket: null, session: null, offset: 0, promised: event.promised, requestId: null, job: null,
    cells: Array.from({ length: event.promised }, (_, index) => blank(index)),
  };
}

/** One that never left this page is over at once; one with the hub ends when the hub says so. */
function stopped(request: Request): Request {
  return request.state === "unsent" ? settle({ ...request, stopping: true }, null) : { ...request, stopping: true };
}

type Single = Exclude<BatchEvent, { kind: "asked" | "frame" | "lost" | "closed" | "stopped" | "dropped" | "removed" | "cleared" }>;

const shows = (cell: Cell, picture: string): boolean => cell.image !== null && pictureIdentity(cell.image) === picture;

function touched(request: Request, event: Single): Request {
  switch (event.kind) {
    case "sent": {
      const shift = event.offset - request.offset;
      const cells = request.cells.map((cell) => ({ ...cell, index: cell.index + shift }));
      const { socket, offset, session = null } = event;
      return { ...request, state: "open", socket, session, offset, cells };
    }
    case "held":
      return { ...request, state: "unsent", socket: null };
    case "named":
      return { ...request, job: event.job, requestId: event.requestId };
    case "found":
      return withCell(request, request.offset + event.index, (cell) => done(cell, event.image, event.metadata));
    case "progressed":
      return withCell(request, request.offset + event.index, (cell) => stepped(cell, event));
    case "missing":
      return {
        ...request,
        cells: request.cells.map((cell) =>
          isTerminal(cell) || (event.index !== null && cell.index !== request.offset + event.index)
            ? cell
            : over(cell, event.state, event.reason),
        ),
      };
    case "ended":
      return settle(request, event.reason);
  }
}

function framed(batch: Batch, socket: number, frame: Frame): Batch {
  let next = frame.status ? { ...batch, counts: frame.status } : batch;
  if (frame.gen_progress) {
    const { gen_progress: said } = frame;
    next = toOwner(next, socket, Number(said.batch_index), said.request_id, (request) => ({
      ...withCell(request, Number(said.batch_index), (cell) => running(cell, said)),
      requestId: String(said.request_id),
    }));
  }
  if (typeof frame.image === "string") {
    const { image, metadata = null } = frame;
    next = toOwner(next, socket, Number(frame.batch_index), frame.request_id, (request) => ({
      ...withCell(request, Number(frame.batch_index), (cell) => done(cell, image, metadata), true),
      requestId: frame.request_id === undefined ? request.requestId : String(frame.request_id),
    }));
  }
  if (frame.error !== undefined || frame.error_id !== undefined) {
    next = closedUp(toOwner(next, socket, numberOr(frame.batch_index), frame.request_id, (one) => failed(one, frame)), next);
  }
  if (frame.discard_indices) next = discarded(next, socket, frame);
  if (frame.socket_intention === "close") next = onSocket(next, socket, finished);
  return next;
}

/** The close intent may cross a request just sent: the hub still takes that one, within its two seconds. */
const finished = (request: Request): Request =>
  request.requestId !== null || request.stopping ? settle(request, null) : request;

const numberOr = (value: string | number | undefined): number | null => (value === undefined ? null : Number(value));

/** What the error is about decides: the whole request (nothing was begun), one image, or all that is still open. */
function failed(request: Request, frame: Frame): Request {
  const message = frame.error ?? frame.error_id ?? "";
  const begun = request.requestId !== null || request.cells.some(isTerminal);
  const about = frame.field !== undefined || frame.permission !== undefined || frame.limit !== undefined;
  if (!begun && (about || frame.error_id !== undefined)) {
    const { field = null, limit = null, permission = null } = frame;
    return { ...request, state: "ended", refusal: { message, field, limit, permission }, cells: [] };
  }
  const interrupted = message === INTERRUPTED;
  const one = numberOr(frame.batch_index);
  const oneOnly = one !== null || request.given["continueaftererrors"] === true || interrupted;
  const target = one ?? request.cells.find((cell) => cell.state === "running")?.index ?? null;
  return {
    ...request,
    cells: request.cells.map((cell) => {
      const hit = !isTerminal(cell) && (!oneOnly || target === null || cell.index === target);
      return hit ? over(cell, interrupted ? "interrupted" : "failed", interrupted ? null : message) : cell;
    }),
  };
}

/** The hub counts no index for what it refused, so the requests behind a newly refused one move up. */
function closedUp(batch: Batch, before: Batch): Batch {
  const refused = batch.requests.find((one, at) => one.refusal !== null && before.requests[at]?.refusal === null);
  if (!refused) return batch;
  const behind = (one: Request): boolean =>
    one.socket === refused.socket && one.state === "open" && one.offset > refused.offset;
  return each(batch, (one) => (behind(one) ? movedUp(one, refused.promised) : one));
}

const movedUp = (request: Request, by: number): Request => ({
  ...request,
  offset: request.offset - by,
  cells: request.cells.map((cell) => ({ ...cell, index: cell.index - by })),
});

function discarded(batch: Batch, socket: number, frame: Frame): Batch {
  const indices = frame.discard_indices ?? [];
  const owner = ownerOf(batch.requests, socket, { index: indices[0] ?? null, requestId: frame.request_id, ending: true });
  if (owner === null) return batch;
  return each(batch, (request) => {
    if (request.id !== owner) return request;
    const cells = request.cells.map((cell) => (indices.includes(cell.index) ? over(cell, "discarded", null) : cell));
    return settle({ ...request, cells }, null);
  });
}

function toOwner(
  batch: Batch, socket: number, index: number | null, requestId: string | number | undefined,
  change: (request: Request) => Request,
): Batch {
  const owner = ownerOf(batch.requests, socket, { index, requestId, ending: false });
  return each(batch, (request) => (request.id === owner ? change(request) : request));
}

function withCell(request: Request, index: number, change: (cell: Cell) => Cell, grow = false): Request {
  if (request.cells.some((cell) => cell.index === index)) {
    return { ...request, cells: request.cells.map((cell) => (cell.index === index ? change(cell) : cell)) };
  }
  return grow ? { ...request, cells: [...request.cells, change(blank(index))] } : request;
}

const each = (batch: Batch, change: (request: Request) => Request): Batch => ({
  ...batch, requests: batch.requests.map(change),
});

const onSocket = (batch: Batch, socket: number, change: (request: Request) => Request): Batch =>
  each(batch, (request) => (request.socket === socket && request.state === "open" ? change(request) : request));
