import { describe, expect, it } from "vitest";
import { EMPTY, reduce, type Batch, type BatchEvent } from "../src/state/batch";
import { keepOpen, takeOpen } from "../src/state/open";

function store(): Storage {
  const map = new Map<string, string>();
  return {
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, value: string) => void map.set(key, value),
    removeItem: (key: string) => void map.delete(key),
  } as unknown as Storage;
}

const after = (...events: BatchEvent[]): Batch => events.reduce(reduce, EMPTY);
const asked = (id: string, given = {}): BatchEvent => ({ kind: "asked", id, promised: 1, given: { images: 1, ...given }, at: 0 });
const sent = (id: string): BatchEvent => ({ kind: "sent", id, socket: 1, offset: 0, session: "S" });

describe("what a reload finds again", () => {
  it("is what is with the hub, detached, and what was still to be sent", () => {
    const keep = store();
    keepOpen(after(asked("a"), sent("a"), asked("b")), keep);
    expect(takeOpen(keep).map((request) => [request.id, request.state, request.session])).toEqual([
      ["a", "detached", "S"],
      ["b", "unsent", null],
    ]);
  });

  it("is nothing once all is over", () => {
    const keep = store();
    keepOpen(after(asked("a")), keep);
    keepOpen(after(asked("a"), { kind: "ended", id: "a", reason: null }), keep);
    expect(takeOpen(keep)).toEqual([]);
  });

  it("never sends a request again without the picture that was too large to keep", () => {
    const keep = store();
    const picture = "x".repeat(200_000);
    keepOpen(after(asked("a", { initimage: picture }), sent("a"), asked("b", { initimage: picture })), keep);
    expect(takeOpen(keep).map((request) => [request.id, request.given])).toEqual([["a", {}]]);
  });

  it("survives broken text", () => {
    const keep = store();
    keep.setItem("hub.open", "{");
    expect(takeOpen(keep)).toEqual([]);
  });
});
