import { describe, expect, it } from "vitest";
import { EMPTY, reduce, type Batch, type BatchEvent } from "../src/state/batch";
import { eventsOf, requestOfJob, type JobFrame } from "../src/state/watch";

const detached = (...more: BatchEvent[]): Batch =>
  [
    { kind: "asked", id: "a", promised: 2, given: {}, at: 0 } as const,
    { kind: "sent", id: "a", socket: 1, offset: 3 } as const,
    ...more,
    { kind: "lost", socket: 1 } as const,
  ].reduce(reduce, EMPTY);
const named: BatchEvent = {
  kind: "frame", socket: 1,
  frame: { gen_progress: { batch_index: "3", request_id: "1001", overall_percent: 0.1, current_percent: 0.1 } },
};
const follow = (batch: Batch, ...frames: JobFrame[]): Batch =>
  frames.reduce((now, frame) => eventsOf(frame, now.requests).reduce(reduce, now), batch);
const job = { job: "j", request_id: 1001, session: "S" };

describe("the job stream", () => {
  it("finds the request by the hub's number and gives it its job", () => {
    const batch = follow(detached(named), { ...job, type: "queued", images: 2 });
    expect(batch.requests[0]).toMatchObject({ job: "j", requestId: "1001" });
  });

  it("finds a request the hub had said nothing of by how many images it asked for", () => {
    const { requests } = detached();
    expect(requestOfJob({ ...job, type: "queued", images: 2 }, requests)?.id).toBe("a");
    expect(requestOfJob({ ...job, type: "queued", images: 5 }, requests)).toBeNull();
  });

  it("passes over jobs of other tabs", () => {
    const { requests } = detached(named);
    expect(eventsOf({ job: "other", request_id: 7, type: "ended" }, requests)).toEqual([]);
  });

  it("fills the gap: an image, a step, a failure, the end", () => {
    const running = follow(
      detached(named), { ...job, type: "imaged", index: 0, url: "View/x.png", metadata: "{}" },
      { ...job, type: "progressed", index: 1, step: 4, steps: 16, preview: "data:p" },
    );
    expect(running.requests[0]?.cells).toMatchObject([
      { index: 3, state: "done", image: "View/x.png" },
      { index: 4, state: "running", step: 4, steps: 16, preview: "data:p" },
    ]);
    const over = follow(running, { ...job, type: "image_failed", index: 1, reason: "no memory" }, { ...job, type: "ended", state: "failed" });
    expect(over.requests[0]).toMatchObject({ state: "ended", cells: [{ state: "done" }, { state: "failed", reason: "no memory" }] });
  });

  it("takes a snapshot where the events are gone", () => {
    const images = [{ index: 1, url: "View/y.png", metadata: null }];
    const batch = follow(detached(named), { ...job, type: "snapshot", state: "cancelled", images });
    expect(batch.requests[0]?.cells.map((cell) => cell.state)).toEqual(["interrupted", "done"]);
  });

  it("ends what the hub no longer knows", () => {
    const batch = follow(detached(named), { ...job, type: "queued" }, { type: "unknown", job: "j" });
    expect(batch.requests[0]?.state).toBe("ended");
  });
});
