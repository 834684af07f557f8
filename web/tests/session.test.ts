import { describe, expect, it, vi } from "vitest";
import { Hub } from "../src/wire/request";
import { answerAsks, heldElsewhere, readKept, writeKept, type Wire } from "../src/wire/session";
import type { SessionAnswer } from "../src/wire/shapes";
import { Refused, Unreachable } from "../src/wire/trouble";

const DEAD = { error_id: "invalid_session_id", error: "Invalid session ID. You may need to refresh the page." };

/** A hub that knows the sessions in `live` and hands out S1, S2, … */
function server(live: Set<string>, answers: Record<string, unknown> = { ok: true }, issueLive = true) {
  let issued = 0;
  const calls: { route: string; body: Record<string, unknown> }[] = [];
  const fetch = vi.fn(async (address: string, init: RequestInit) => {
    const route = address.split("/").at(-1) ?? "";
    const body = JSON.parse(String(init.body)) as Record<string, unknown>;
    calls.push({ route, body });
    const answer = (): object => {
      if (route === "GetNewSession") {
        issued += 1;
        if (issueLive) live.add(`S${issued}`);
        return { session_id: `S${issued}`, user_id: "local", version: "1" };
      }
      return live.has(String(body["session_id"])) ? answers : DEAD;
    };
    return new Response(JSON.stringify(answer()), { status: 200 });
  });
  const sleep = vi.fn(async () => undefined);
  const onSession = vi.fn();
  const hub = (kept: string | null = null): Hub =>
    new Hub({ page: "http://h/", fetch, sleep, onSession }, kept === null ? null : ({ session_id: kept } as SessionAnswer));
  return { hub, calls, sleep, onSession };
}

describe("calls", () => {
  it("take one session first and carry it", async () => {
    const { hub, calls, onSession } = server(new Set());
    const page = hub();
    await Promise.all([page.call("GetCurrentStatus"), page.call("ListT2IParams")]);
    expect(calls.map((call) => call.route)).toEqual(["GetNewSession", "GetCurrentStatus", "ListT2IParams"]);
    expect(calls[1]?.body).toEqual({ session_id: "S1" });
    expect(onSession).toHaveBeenCalledTimes(1);
  });

  it("replace a dead session once for all who met it", async () => {
    const { hub, calls } = server(new Set());
    const page = hub("OLD");
    expect(await Promise.all([page.call("A", { x: 1 }), page.call("B")])).toEqual([{ ok: true }, { ok: true }]);
    expect(calls.filter((call) => call.route === "GetNewSession")).toHaveLength(1);
    expect(calls.filter((call) => call.route === "A").map((call) => call.body)).toEqual([
      { x: 1, session_id: "OLD" },
      { x: 1, session_id: "S1" },
    ]);
  });

  it("give up after four new sessions, a second apart after the first", async () => {
    const { hub, calls, sleep } = server(new Set(), {}, false);
    await expect(hub("OLD").call("A")).rejects.toMatchObject({ errorId: "invalid_session_id" });
    expect(calls.filter((call) => call.route === "GetNewSession")).toHaveLength(4);
    expect(sleep.mock.calls).toEqual([[1000], [1000], [1000]]);
  });

  it("raise a refusal with all it names", async () => {
    const { hub } = server(new Set(["S"]), { error: "Too many", field: "images", limit: 4, permission: "p" });
    await expect(hub("S").call("A")).rejects.toEqual(new Refused("Too many", null, "images", 4, "p"));
  });

  it("tell an unreachable hub from a refusal", async () => {
    const around = { page: "http://h/", sleep: async () => undefined, onSession: () => undefined };
    const down = new Hub({ ...around, fetch: () => Promise.reject(new TypeError("Failed to fetch")) });
    await expect(down.call("A")).rejects.toBeInstanceOf(Unreachable);
    const proxy = new Hub({ ...around, fetch: async () => new Response("<html>Bad gateway</html>", { status: 502 }) });
    await expect(proxy.call("A")).rejects.toBeInstanceOf(Unreachable);
  });
});

describe("keeping a session", () => {
  const keep = (entries: Record<string, string> = {}) => {
    const map = new Map(Object.entries(entries));
    return {
      getItem: (key: string) => map.get(key) ?? null,
      setItem: (key: string, value: string) => void map.set(key, value),
      removeItem: (key: string) => void map.delete(key),
    };
  };

  it("survives a reload and broken text", () => {
    const store = keep();
    writeKept(store, { session_id: "S" } as SessionAnswer);
    expect(readKept(store)).toEqual({ session_id: "S" });
    expect(readKept(keep({ "hub.session": "{" }))).toBeNull();
    expect(readKept(keep({ "hub.session": "7" }))).toBeNull();
  });

  it("is noticed to be another tab's", async () => {
    const here = new BroadcastChannel("test.tabs");
    const there = new BroadcastChannel("test.tabs");
    answerAsks(() => "S", there as unknown as Wire);
    expect(await heldElsewhere("S", here as unknown as Wire, 500)).toBe(true);
    expect(await heldElsewhere("T", here as unknown as Wire, 60)).toBe(false);
    here.close();
    there.close();
  });
});
