import { describe, expect, it } from "vitest";
import { outlook, paced, type Pace } from "../src/pages/generate/pace";

const seen = (...steps: [string, number, number][]): Pace | null =>
  steps.reduce<Pace | null>((before, [key, step, at]) => paced(before, key, step, at), null);

describe("the pace of an image", () => {
  it("is unknown until two steps were seen", () => {
    expect(outlook(null, 10)).toBeNull();
    expect(outlook(seen(["a", 1, 0]), 10)).toBeNull();
    expect(outlook(seen(["a", 1, 0], ["a", 1, 500]), 10)).toBeNull();
  });

  it("is steps over time, and says what is left", () => {
    expect(outlook(seen(["a", 2, 1000], ["a", 6, 3000]), 10)).toEqual({ perSecond: 2, left: 2 });
    expect(outlook(seen(["a", 1, 0], ["a", 10, 900]), 10)).toMatchObject({ left: 0 });
  });

  it("begins anew with another image or when the same one is drawn again", () => {
    expect(outlook(seen(["a", 1, 0], ["a", 5, 900], ["b", 1, 1000]), 10)).toBeNull();
    expect(outlook(seen(["a", 5, 0], ["a", 9, 900], ["a", 1, 1000]), 10)).toBeNull();
  });
});
