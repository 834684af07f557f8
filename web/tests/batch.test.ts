import { describe, expect, it } from "vitest";
import { EMPTY, INTERRUPTED, reduce, type Batch, type BatchEvent } from "../src/state/batch";
import type { Frame } from "../src/wire/shapes";

const after = (...events: BatchEvent[]): Batch => events.reduce(reduce, EMPTY);
const frame = (said: Frame, socket = 1): BatchEvent => ({ kind: "frame", socket, frame: said });
const asked = (id: string, promised: number, given = {}): BatchEvent => ({ kind: "asked", id, promised, given, at: 0 });
const sent = (id: string, offset = 0, socket = 1): BatchEvent => ({ kind: "sent", id, socket, offset });
const progress = (index: number, id: string, percent: number, more: object = {}): BatchEvent =>
  frame({
    gen_progress: { batch_index: String(index), request_id: id, overall_percent: percent, current_percent: percent, ...more },
  });
const image = (index: number, id: string): BatchEvent =>
  frame({ image: `View/local/${id}-${index}.png`, batch_index: String(index), request_id: id, metadata: "{}" });
const closing = frame({ socket_intention: "close" });
const states = (batch: Batch): string[][] => batch.requests.map((one) => one.cells.map((cell) => cell.state));

describe("one request", () => {
  it("waits, runs with steps and preview, and is done", () => {
    const running = after(asked("a", 1), sent("a"), progress(0, "1001", 0.5, { step: 8, steps: 16, preview: "data:x" }));
    expect(running.requests[0]?.cells[0]).toMatchObject({ state: "running", overall: 0.5, step: 8, steps: 16, preview: "data:x" });
    const done = reduce(running, image(0, "1001"));
    expect(done.requests[0]?.cells[0]).toMatchObject({ state: "done", image: "View/local/1001-0.png", preview: null });
    expect(reduce(done, frame({ discard_indices: [] })).requests[0]?.state).toBe("ended");
  });

  it("keeps the last preview over a frame without one", () => {
    const batch = after(asked("a", 1), sent("a"), progress(0, "1", 0.1, { preview: "data:x" }), progress(0, "1", 0.2));
    expect(batch.requests[0]?.cells[0]?.preview).toBe("data:x");
  });

  it("takes images in any order", () => {
    expect(states(after(asked("a", 3), sent("a"), image(2, "1"), image(0, "1")))).toEqual([["done", "waiting", "done"]]);
  });

  it("shows an extra output beyond the promised ones", () => {
    expect(states(after(asked("a", 1), sent("a"), image(0, "1"), image(2, "1")))).toEqual([["done", "done"]]);
  });

  it("takes the counts of a status frame", () => {
    const status = { waiting_gens: 2, loading_models: 1, waiting_backends: 0, live_gens: 0 };
    expect(after(frame({ status })).counts).toEqual(status);
  });

  it("marks what was taken back", () => {
    expect(states(after(asked("a", 2), sent("a"), image(0, "1"), frame({ discard_indices: [1] })))).toEqual([["done", "discarded"]]);
  });
});

describe("a refusal", () => {
  it("ends the request before anything was begun and names the field", () => {
    const refused = after(asked("a", 2), sent("a"), frame({ error: "Steps too large", field: "steps", limit: 500 }));
    expect(refused.requests[0]).toMatchObject({
      state: "ended", cells: [], refusal: { message: "Steps too large", field: "steps", limit: 500, permission: null },
    });
  });

  it("of the second request leaves the first alone", () => {
    const batch = after(
      asked("a", 1), sent("a"), progress(0, "1001", 0.2), asked("b", 1), sent("b", 1), frame({ error: "no", field: "steps" }),
    );
    expect(batch.requests[0]?.refusal).toBeNull();
    expect(batch.requests[1]?.refusal?.message).toBe("no");
  });
});

describe("a refusal in the middle", () => {
  it("moves the requests behind it up: the hub counts no index for what it refused", () => {
    const batch = after(
      asked("a", 1), sent("a"), progress(0, "1001", 0.2), asked("b", 3), sent("b", 1), asked("c", 1), sent("c", 4),
      frame({ error: "no", field: "steps" }), progress(1, "1002", 0.5),
    );
    expect(states(batch)).toEqual([["running"], [], ["running"]]);
    expect(batch.requests[2]).toMatchObject({ offset: 1, requestId: "1002" });
  });
});

describe("failures", () => {
  it("fail every image that is still open", () => {
    expect(states(after(asked("a", 3), sent("a"), image(0, "1"), frame({ error: "boom" })))).toEqual([["done", "failed", "failed"]]);
  });

  it("fail only the named image when the hub names one", () => {
    const batch = after(asked("a", 3), sent("a"), image(0, "1"), frame({ error: "boom", batch_index: "2", request_id: "1" }));
    expect(states(batch)).toEqual([["done", "waiting", "failed"]]);
  });

  it("fail only the running image where the request goes on after errors", () => {
    const batch = after(asked("a", 2, { continueaftererrors: true }), sent("a"), progress(0, "1", 0.5), frame({ error: "boom" }));
    expect(states(batch)).toEqual([["failed", "waiting"]]);
    expect(batch.requests[0]?.cells[0]?.reason).toBe("boom");
  });

  it("are no word against an image that comes after all", () => {
    expect(states(after(asked("a", 1), sent("a"), progress(0, "1", 0.1), frame({ error: "boom" }), image(0, "1")))).toEqual([["done"]]);
  });
});

describe("stopping", () => {
  it("interrupts what is open when the hub ends the request", () => {
    const batch = after(
      asked("a", 3), sent("a"), image(0, "1"), progress(1, "1", 0.4), { kind: "stopped" }, frame({ error: INTERRUPTED }),
      frame({ discard_indices: [] }), closing,
    );
    expect(states(batch)).toEqual([["done", "interrupted", "interrupted"]]);
    expect(batch.requests[0]?.cells[1]?.reason).toBeNull();
  });

  it("ends at once what never left the page", () => {
    expect(after(asked("a", 1), { kind: "stopped" }).requests[0]).toMatchObject({ state: "ended", cells: [{ state: "interrupted" }] });
  });
});

describe("several requests on one socket", () => {
  const two = [asked("a", 2), sent("a"), asked("b", 2), sent("b", 2)] as const;

  it("are told apart by index before and by number after their first frame", () => {
    const batch = after(...two, progress(2, "1002", 0.5), progress(0, "1001", 0.1), image(3, "1002"));
    expect(states(batch)).toEqual([["running", "waiting"], ["running", "done"]]);
    expect(batch.requests.map((request) => request.requestId)).toEqual(["1001", "1002"]);
  });

  it("end one by one though the end does not say whose it is", () => {
    const batch = after(...two, image(2, "1002"), image(3, "1002"), progress(0, "1001", 0.1), frame({ discard_indices: [] }));
    expect(batch.requests.map((request) => request.state)).toEqual(["open", "ended"]);
  });

  it("are all settled by the close intent", () => {
    const batch = after(...two, image(0, "1001"), progress(2, "1002", 0.5), closing);
    expect(states(batch)).toEqual([["done", "interrupted"], ["interrupted", "interrupted"]]);
  });

  it("outlive a close intent that crossed them on the way", () => {
    const crossed = after(...two, image(0, "1001"), closing);
    expect(crossed.requests.map((request) => request.state)).toEqual(["ended", "open"]);
    expect(states(reduce(crossed, image(2, "1002")))[1]).toEqual(["done", "waiting"]);
    const closed = reduce(crossed, { kind: "closed", socket: 1 });
    expect(closed.requests[1]).toMatchObject({ state: "ended", cells: [{ state: "failed" }, { state: "failed" }] });
  });

  it("on another socket are not touched", () => {
    const batch = after(asked("a", 1), sent("a", 0, 1), asked("b", 1), sent("b", 0, 2), progress(0, "1", 0.5), closing);
    expect(batch.requests.map((request) => request.state)).toEqual(["ended", "open"]);
  });
});

describe("a lost socket", () => {
  const lost = [asked("a", 2), sent("a"), progress(0, "1", 0.5), { kind: "lost", socket: 1 }] as const;

  it("leaves the request with the hub", () => {
    const batch = after(...lost);
    expect(batch.requests[0]?.state).toBe("detached");
    expect(states(batch)).toEqual([["running", "waiting"]]);
  });

  it("is made up for by what is found later", () => {
    const batch = after(
      ...lost,
      { kind: "found", id: "a", index: 0, image: "View/x.png", metadata: null },
      { kind: "progressed", id: "a", index: 1, step: 3, steps: 4, preview: null },
    );
    expect(states(batch)).toEqual([["done", "running"]]);
    expect(batch.requests[0]?.cells[1]?.overall).toBe(0.75);
    const over = reduce(batch, { kind: "ended", id: "a", reason: "gone" });
    expect(over.requests[0]?.cells[1]).toMatchObject({ state: "failed", reason: "gone" });
  });

  it("that never stood sends its request again, at a new place", () => {
    const batch = after(asked("a", 1), sent("a", 4), { kind: "held", id: "a" }, sent("a", 0, 2), progress(0, "7", 0.5));
    expect(states(after(asked("a", 1), sent("a", 4), { kind: "held", id: "a" }))).toEqual([["waiting"]]);
    expect(batch.requests[0]).toMatchObject({ socket: 2, state: "open" });
  });
});

describe("tidying", () => {
  it("clears what is over and keeps what runs", () => {
    const batch = after(asked("a", 1), sent("a"), asked("b", 1), sent("b", 1), image(0, "1"), frame({ discard_indices: [] }), { kind: "cleared" });
    expect(batch.requests.map((request) => request.id)).toEqual(["b"]);
  });

  it("takes a deleted picture out of the strip", () => {
    const batch = after(asked("a", 2), sent("a"), image(0, "1"), image(1, "1"), { kind: "removed", picture: "1-0.png" });
    expect(batch.requests[0]?.cells.map((cell) => cell.index)).toEqual([1]);
  });

  it("never changes the state it was given", () => {
    const before = after(asked("a", 1), sent("a"));
    const copy = structuredClone(before);
    reduce(before, image(0, "1"));
    expect(before).toEqual(copy);
  });
});
