import { describe, expect, it } from "vitest";
import { LIST_MARK, lorasOf, valuesOf } from "../src/state/loras";
import { readParameters } from "../src/state/shaping";

describe("chosen LoRAs", () => {
  it("are read from a client's text and from a picture's lists", () => {
    const both = [{ name: "a", weight: "0.5", text: "" }, { name: "b c", weight: "1", text: "" }];
    expect(lorasOf({ loras: "a, b c", loraweights: "0.5" })).toEqual(both);
    const made = readParameters(JSON.stringify({ sui_image_params: { loras: ["a", "b c"], loraweights: ["0.5", "1"] } }));
    expect(lorasOf(made)).toEqual(both);
    expect(lorasOf({})).toEqual([]);
  });

  it("become three lists of the same length", () => {
    expect(valuesOf([{ name: "a", weight: "0.5", text: "" }, { name: "b", weight: "", text: "" }])).toEqual({
      loras: `a${LIST_MARK}b`, loraweights: `0.5${LIST_MARK}1`, loratencweights: "",
    });
    expect(valuesOf([{ name: "a", weight: "0.5", text: "" }, { name: "b", weight: "1", text: "0" }]).loratencweights).toBe(`0.5${LIST_MARK}0`);
    expect(valuesOf([])).toEqual({ loras: "", loraweights: "", loratencweights: "" });
  });
});
