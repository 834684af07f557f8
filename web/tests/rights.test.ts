import { describe, expect, it } from "vitest";
import { Rights } from "../src/state/rights";
import { Refused, Unreachable } from "../src/wire/trouble";

/** A person with some permissions, before a hub that says what `answer` says. */
function person(held: string[], answer: () => string[]) {
  const told: string[][] = [];
  const at = { ms: 0, calls: 0 };
  const call = (async () => {
    at.calls += 1;
    return { permissions: answer() };
  }) as never;
  const rights = new Rights({ call }, () => told.at(-1) ?? held, (now) => told.push(now), () => at.ms);
  return { rights, told, at };
}

describe("permissions while the page is open", () => {
  it("are told only when they are others", async () => {
    let now = ["b", "a"];
    const { rights, told } = person(["a", "b"], () => now);
    await rights.read();
    expect(told).toEqual([]);
    now = ["a"];
    await rights.read();
    now = ["a", "c"];
    await rights.read();
    expect(told).toEqual([["a"], ["a", "c"]]);
  });

  it("are read once for a page full of refusals, and again later", async () => {
    const { rights, at } = person(["a"], () => ["a"]);
    rights.refused();
    rights.refused();
    await rights.read();
    rights.refused();
    expect(at.calls).toBe(1);
    at.ms = 1001;
    rights.refused();
    await rights.read();
    expect(at.calls).toBe(2);
  });

  it("lack the one that reading them needs", async () => {
    const { rights, told } = person(["*", "a", "b"], () => {
      throw new Refused("No.", "bad_permissions", null, null, "a");
    });
    await rights.read();
    expect(told).toEqual([["b"]]);
  });

  it("stay as they are while the hub cannot be reached", async () => {
    const { rights, told } = person(["a"], () => {
      throw new Unreachable("gone");
    });
    await expect(rights.read()).rejects.toThrow(Unreachable);
    expect(told).toEqual([]);
  });
});
