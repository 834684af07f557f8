import { expect, test } from "vitest";
import type { Request } from "../src/state/batch";
import { blank, type CellState } from "../src/state/cell";
import { isWaiting, reasonsOf } from "../src/state/waits";
import type { JobView } from "../src/state/watch";

const request = (id: string, ...states: CellState[]): Request => ({
  id, state: "open", given: {}, sentAt: 0, stopping: false, refusal: null,
  socket: 1, session: "abcdefgh", offset: 0, promised: states.length, requestId: id, job: null,
  cells: states.map((state, index) => ({ ...blank(index), state })),
});

const job = (requestId: string, ...held: string[]): JobView => ({
  job: `job-${requestId}`, request_id: requestId, session: "abcdefgh", state: "waiting",
  images: [{ index: 0, state: "waiting" }], held_up: held,
});

test("a request waits while nothing of it is drawn", () => {
  expect(isWaiting(request("1", "waiting"))).toBe(true);
  expect(isWaiting(request("1", "waiting", "running"))).toBe(false);
  expect(isWaiting(request("1", "done"))).toBe(false);
  expect(isWaiting({ ...request("1", "waiting"), state: "unsent" })).toBe(false);
});

test("the reasons are those of its own job", () => {
  const requests = [request("1", "waiting"), request("2", "waiting"), request("3", "running")];
  const jobs = [job("2", "busy"), job("1"), job("3", "never told")];
  expect(reasonsOf(jobs, requests)).toEqual({ "2": ["busy"] });
});
