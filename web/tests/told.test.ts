import { describe, expect, it } from "vitest";
import { textsIn } from "../src/pages/tools/texts";
import { ownModel, told } from "../src/pages/tools/told";

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));
const u32 = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const chunk = (kind: string, body: number[]): number[] => [...u32(body.length), ...ascii(kind), ...body, 0, 0, 0, 0];
const png = (...chunks: number[][]): Uint8Array =>
  new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...chunk("IHDR", Array(13).fill(0)), ...chunks.flat(), ...chunk("IEND", [])]);

describe("the texts of a picture", () => {
  it("are read from tEXt in Latin-1 or UTF-8, and from iTXt", () => {
    const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];
    const found = textsIn(
      png(
        chunk("tEXt", [...ascii("parameters\0a "), 0xe9]), chunk("tEXt", [...ascii("prompt\0"), ...bytes("é")]),
        chunk("iTXt", [...ascii("workflow\0"), 0, 0, 0, 0, ...bytes("日本")]),
      ),
    );
    expect(found).toEqual({ parameters: "a é", prompt: "é", workflow: "日本" });
  });

  it("are none in a cut file, another file and an empty one", () => {
    const whole = png(chunk("tEXt", ascii("parameters\0words")));
    for (const bytes of [new Uint8Array(), new Uint8Array(ascii("GIF89a")), whole.subarray(0, 40), new Uint8Array([0xff, 0xd8, 0xff, 0xe1, 0, 9, ...ascii("Exif\0\0")])])
      expect(textsIn(bytes)).toEqual({});
  });
});

const LINES = `a red circle, (blue:1.2)
on a table
Negative prompt: blurry
Steps: 22, Sampler: DPM++ 2M SDE Karras, CFG scale: 6.5, Seed: 18446744073709551615, Size: 512x768, Model: dream, Clip skip: 2, Lora hashes: "a: 1, b: 2", Version: v1.9`;

describe("what a picture says", () => {
  it("is a block of this hub", () => {
    const found = told({ parameters: '{"sui_image_params": {"prompt": "x", "seed": 5}}' });
    expect([found?.kind, found?.values]).toEqual(["block", { prompt: "x", seed: 5 }]);
  });

  it("is lines with a prompt, what to avoid and pairs", () => {
    const found = told({ parameters: LINES });
    expect(found?.kind).toBe("lines");
    expect(found?.values).toEqual({
      prompt: "a red circle, (blue:1.2)\non a table", negativeprompt: "blurry", steps: "22", sampler: "dpmpp_2m_sde", scheduler: "karras",
      cfgscale: "6.5", seed: "18446744073709551615", width: "512", height: "768", aspectratio: "Custom", model: "dream", clipstopatlayer: "-2",
    });
    expect(found?.rest).toEqual([["Lora hashes", "a: 1, b: 2"], ["Version", "v1.9"]]);
  });

  it("is lines without anything to avoid, and a sampler nobody knows is only told", () => {
    const found = told({ parameters: "a cat\nSteps: 4, Sampler: Wild, Schedule type: Karras" });
    expect([found?.values, found?.rest]).toEqual([{ prompt: "a cat", steps: "4", scheduler: "karras" }, [["Sampler", "Wild"]]]);
  });

  it("may be a graph, other words, or nothing", () => {
    expect(told({ prompt: "{}" })?.kind).toBe("graph");
    expect(told({ parameters: "hello" })?.kind).toBe("other");
    expect([told({}), told({ parameters: " " })]).toEqual([null, null]);
  });

  it("names a model as this hub does", () => {
    expect(ownModel("dream", ["SD/Dream.safetensors"])).toBe("SD/Dream.safetensors");
    expect(ownModel("x\\dream.ckpt", ["other", "dream"])).toBe("dream");
    expect(ownModel("gone", ["dream"])).toBeNull();
  });
});
