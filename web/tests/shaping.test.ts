import { describe, expect, it } from "vitest";
import { ratioOf, sizeFor } from "../src/state/ratio";
import { choiceFrom, fault, firstFault, proposed, readParameters, requestOf, sections, type Choice } from "../src/state/shaping";
import type { Group, Model, Param } from "../src/wire/shapes";

const param = (id: string, more: Partial<Param> = {}): Param => ({
  id, name: id, description: "", type: "integer", subtype: null, default: "7", min: 0, max: 0, view_min: 0, view_max: 0, step: 1,
  values: null, value_names: null, visible: true, advanced: false, feature_flag: null, toggleable: false, priority: 0, group: null,
  view_type: "small", extra_hidden: false, nonreusable: false, depend_non_default: null, ...more,
});
const group = (id: string, more: Partial<Group> = {}): Group => ({
  id, name: id, toggles: false, open: true, priority: 0, description: "", advanced: false, parent: null, ...more,
});
const starter = {
  name: "starter", title: "Starter", architecture: "starter", standard_width: 256, standard_height: 256,
  defaults: { steps: 16, cfgscale: 3, sampler: null }, native_sizes: [[256, 256], [384, 256]],
} as unknown as Model;
const look = (list: Param[], choice: Partial<Choice> = {}, groups: Group[] = [], features: string[] = []) => ({
  list, groups, features, model: starter, choice: { values: {}, on: {}, ...choice },
});

describe("a request", () => {
  it("leaves out what nobody set, so that the model's own defaults apply", () => {
    expect(requestOf(look([param("prompt", { type: "text" }), param("steps"), param("width")], { values: { prompt: "a" } }))).toEqual({ prompt: "a" });
  });

  it("carries numbers as numbers and a 63-bit seed exactly", () => {
    const list = [param("steps"), param("seed"), param("cfgscale", { type: "decimal" })];
    const values = { steps: "12", seed: "9223372036854775807", cfgscale: "3.5" };
    expect(requestOf(look(list, { values }))).toEqual({ steps: 12, seed: "9223372036854775807", cfgscale: 3.5 });
  });

  it("sends a switched-on parameter as shown and drops a switched-off one", () => {
    const list = [param("sampler", { type: "dropdown", default: "euler", toggleable: true })];
    expect(requestOf(look(list, { on: { sampler: true } }))).toEqual({ sampler: "euler" });
    expect(requestOf(look(list, { values: { sampler: "ddim" }, on: { sampler: false } }))).toEqual({});
  });

  it("minds the switch of a group and of the group above it", () => {
    const groups = [group("up", { toggles: true }), group("in", { parent: "up" })];
    const list = [param("a", { group: "up" }), param("b", { group: "in" })];
    const values = { b: 3 };
    expect(requestOf(look(list, { values }, groups))).toEqual({});
    expect(requestOf(look(list, { values, on: { up: true } }, groups))).toEqual({ a: 7, b: 3 });
  });

  it("never sends what no engine can do, nor the page's own aspect ratio", () => {
    const list = [param("refine", { feature_flag: "refiners" }), param("aspectratio", { type: "dropdown" })];
    expect(requestOf(look(list, { values: { refine: 2, aspectratio: "3:2" } }))).toEqual({});
    expect(requestOf(look(list, { values: { refine: 2 } }, [], ["refiners"]))).toEqual({ refine: 2 });
  });
});

describe("what a field shows", () => {
  it("is the model's own value before the listed default", () => {
    expect(proposed(param("steps", { default: "20" }), starter)).toBe("16");
    expect(proposed(param("width", { default: "512" }), starter)).toBe("256");
    expect(proposed(param("sampler", { default: "euler" }), starter)).toBe("euler");
    expect(proposed(param("steps", { default: "20" }), null)).toBe("20");
  });

  it("is sorted into groups by priority, advanced and impossible ones apart", () => {
    const groups = [group("late", { priority: 5 }), group("early", { priority: -5 })];
    const list = [
      param("z", { group: "late" }), param("a", { group: "early", priority: 2 }), param("b", { group: "early", priority: 1 }),
      param("adv", { group: "late", advanced: true }), param("no", { feature_flag: "x" }), param("prompt"), param("hid", { visible: false }),
    ];
    const found = sections({ ...look(list, {}, groups), advanced: false, filter: "" });
    expect(found.shown.map((section) => section.params.map((one) => one.id))).toEqual([["b", "a"], ["z"]]);
    expect(found.hiddenAdvanced).toBe(1);
    expect(found.unused.map(({ param: one, needs }) => [one.id, needs])).toEqual([["no", "x"]]);
    expect(sections({ ...look(list, {}, groups), advanced: true, filter: "AD" }).shown[0]?.params[0]?.id).toBe("adv");
  });

  it("appears only when what it depends on was changed", () => {
    const list = [param("mask"), param("blur", { depend_non_default: "mask" })];
    const ids = (values: Choice["values"]) =>
      sections({ ...look(list, { values }), advanced: false, filter: "" }).shown.flatMap((one) => one.params.map((p) => p.id));
    expect(ids({})).toEqual(["mask"]);
    expect(ids({ mask: 7 })).toEqual(["mask"]);
    expect(ids({ mask: 8 })).toEqual(["blur", "mask"]);
  });
});

describe("checking", () => {
  const steps = param("steps", { name: "Steps", min: 0, max: 500 });

  it("names the bounds", () => {
    expect(fault(steps, "501")).toEqual({ key: "{name} must be from {min} to {max}.", named: { name: "Steps", min: "0", max: "500" } });
    expect(fault(steps, "0")).toBeNull();
    expect(fault(steps, 500)).toBeNull();
  });

  it.each(["", "x", "1.5", "NaN", "1e999x"])("refuses %j as a whole number", (text) => {
    expect(fault(steps, text)?.key).toBe("{name} must be a whole number.");
  });

  it("finds the first wrong field that counts", () => {
    const list = [param("off", { toggleable: true, max: 3 }), steps];
    expect(firstFault(look(list, { values: { off: 9, steps: 999 } }))?.id).toBe("steps");
    expect(firstFault(look(list, { values: { off: 9 } }))).toBeNull();
  });
});

describe("reusing a picture's parameters", () => {
  const metadata = '{"sui_image_params":{"prompt":"a","seed":9223372036854775807,"sampler":"ddim","secret":1,"other":3,"list":[1]}}';
  const list = [param("prompt"), param("seed"), param("sampler", { toggleable: true, group: "g" }), param("secret", { nonreusable: true })];

  it("sets what is known and may be reused, and switches it on", () => {
    const choice = choiceFrom(metadata, list, [group("g", { toggles: true })]);
    expect(choice.values["prompt"]).toBe("a");
    expect(Object.keys(choice.values)).toEqual(["prompt", "seed", "sampler"]);
    expect(choice.on).toEqual({ sampler: true, g: true });
  });

  it("reads nothing from foreign or broken metadata", () => {
    expect(readParameters("not json")).toEqual({});
    expect(readParameters(null)).toEqual({});
    expect(readParameters('{"x":1}')).toEqual({});
  });
});

describe("aspect ratios", () => {
  it("prefer the model's own sizes, else keep its number of pixels", () => {
    expect(sizeFor("3:2", starter)).toEqual({ width: 384, height: 256 });
    expect(sizeFor("16:9", starter)).toEqual({ width: 352, height: 192 });
    expect(sizeFor("1:1", null)).toEqual({ width: 512, height: 512 });
    expect(sizeFor("Custom", starter)).toBeNull();
  });

  it("are recognised in a size", () => {
    expect(ratioOf({ width: 384, height: 256 }, ["1:1", "3:2", "Custom"])).toBe("3:2");
    expect(ratioOf({ width: 333, height: 256 }, ["1:1", "3:2", "Custom"])).toBe("Custom");
  });
});
