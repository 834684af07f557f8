import { describe, expect, it } from "vitest";
import { EMPTY, reduce, type Batch, type BatchEvent } from "../src/state/batch";
import { eventsOf, eventsOfList, type JobFrame, type JobView } from "../src/state/watch";

const detached = (...more: BatchEvent[]): Batch =>
  [
    { kind: "asked", id: "a", promised: 2, given: { images: 2 }, at: 0 } as const,
    { kind: "sent", id: "a", socket: 1, offset: 3, session: "SESSION" } as const,
    ...more,
    { kind: "lost", socket: 1 } as const,
  ].reduce(reduce, EMPTY);
const named: BatchEvent = {
  kind: "frame", socket: 1,
  frame: { gen_progress: { batch_index: "3", request_id: "1001", overall_percent: 0.1, current_percent: 0.1 } },
};
const view = (more: Partial<JobView> = {}): JobView => ({
  job: "j", request_id: "1001", session: "SESS", state: "running",
  images: [0, 1].map((index) => ({ index, state: "waiting", image: null, error: null })), ...more,
});
const apply = (batch: Batch, events: BatchEvent[]): Batch => events.reduce(reduce, batch);
const listed = (batch: Batch, ...jobs: JobView[]): Batch => apply(batch, eventsOfList(jobs, batch.requests));
const follow = (batch: Batch, ...frames: JobFrame[]): Batch =>
  frames.reduce((now, frame) => apply(now, eventsOf(frame, now.requests)), batch);

describe("the list of jobs", () => {
  it("finds the request by the hub's number and shows it as it stands", () => {
    const images = [
      { index: 0, state: "done", image: "View/x.png", error: null },
      { index: 1, state: "failed", image: null, error: "no memory" },
    ];
    const batch = listed(detached(named), view({ images, state: "failed" }));
    expect(batch.requests[0]).toMatchObject({ job: "j", state: "ended" });
    expect(batch.requests[0]?.cells).toMatchObject([
      { index: 3, state: "done", image: "View/x.png" },
      { index: 4, state: "failed", reason: "no memory" },
    ]);
  });

  it("finds a request the hub had not named by its session and number of images", () => {
    expect(listed(detached(), view()).requests[0]).toMatchObject({ job: "j", requestId: "1001", state: "detached" });
  });

  it("sends again what never arrived", () => {
    expect(listed(detached()).requests[0]?.state).toBe("unsent");
    expect(listed(detached(), view({ session: "OTHER" })).requests[0]?.state).toBe("unsent");
    expect(listed(detached(), view({ images: [] })).requests[0]?.state).toBe("unsent");
  });

  it("ends what the hub no longer knows, and says where a picture would be", () => {
    const batch = listed(detached(named));
    expect(batch.requests[0]?.state).toBe("ended");
    expect(batch.requests[0]?.cells[0]?.reason).toContain("history");
  });

  it("gives one job to one request only", () => {
    const two = apply(EMPTY, [
      { kind: "asked", id: "a", promised: 2, given: { images: 2 }, at: 0 }, { kind: "sent", id: "a", socket: 1, offset: 0, session: "SESSION" },
      { kind: "asked", id: "b", promised: 2, given: { images: 2 }, at: 0 }, { kind: "sent", id: "b", socket: 1, offset: 2, session: "SESSION" },
      { kind: "lost", socket: 1 },
    ]);
    expect(listed(two, view()).requests.map((request) => request.state)).toEqual(["detached", "unsent"]);
  });
});

describe("the events of a job", () => {
  it("fill the gap: an image, a step, a failure, the end", () => {
    const known = listed(detached(named), view());
    const running = follow(
      known, { job: "j", event: "imaged", index: 0, image: "View/x.png", metadata: "{}" },
      { job: "j", event: "progressed", index: 1, step: 4, steps: 16, preview: "data:p" },
    );
    expect(running.requests[0]?.cells).toMatchObject([
      { index: 3, state: "done", image: "View/x.png" },
      { index: 4, state: "running", step: 4, steps: 16, preview: "data:p" },
    ]);
    const over = follow(running, { job: "j", event: "image_failed", index: 1, reason: "no memory" }, { job: "j", event: "ended" });
    expect(over.requests[0]).toMatchObject({ state: "ended", cells: [{ state: "done" }, { state: "failed", reason: "no memory" }] });
  });

  it("of other tabs are passed over", () => {
    expect(eventsOf({ job: "other", event: "ended" }, listed(detached(named), view()).requests)).toEqual([]);
  });
});
