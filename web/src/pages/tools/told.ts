/** What a picture's texts say: of this hub and SwarmUI a block, of AUTOMATIC1111 lines, of ComfyUI a graph. Pure. */

import { readParameters } from "../../state/shaping";
import type { Value } from "../../wire/shapes";
import type { Texts } from "./texts";

export interface Told {
  /** Who wrote it: the block of this hub and SwarmUI, AUTOMATIC1111's lines, ComfyUI's graph, or something else. */
  kind: "block" | "lines" | "graph" | "other";
  /** Parameters by this hub's ids; empty for what cannot be taken over. */
  values: Record<string, Value>;
  /** What was said beside them. */
  rest: [string, string][];
  /** The text itself. */
  text: string;
}

/** Null when the picture says nothing of how it was made. */
export function told(texts: Texts): Told | null {
  const text = texts["parameters"];
  if (text !== undefined && text.trim() !== "") {
    const values = readParameters(text);
    if (Object.keys(values).length > 0) return { kind: "block", values, rest: [], text };
    const lines = fromLines(text);
    return lines ?? { kind: "other", values: {}, rest: [], text };
  }
  const graph = texts["prompt"] ?? texts["workflow"];
  return graph === undefined ? null : { kind: "graph", values: {}, rest: [], text: graph };
}

/** A key of the last line, and a value that may be quoted because it holds commas. */
const PAIR = /\s*([\w ./+-]+):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)/g;
const NEGATIVE = "Negative prompt:";
const SIMPLE: Record<string, string> = {
  Steps: "steps", "CFG scale": "cfgscale", Seed: "seed", "Denoising strength": "initimagecreativity", Model: "model", VAE: "vae",
};
const SAMPLERS: Record<string, string> = {
  "euler": "euler", "euler a": "euler_ancestral", "heun": "heun", "lms": "lms", "ddim": "ddim", "unipc": "uni_pc", "lcm": "lcm",
  "dpm2": "dpm_2", "dpm2 a": "dpm_2_ancestral", "dpm++ 2m": "dpmpp_2m", "dpm++ sde": "dpmpp_sde", "dpm++ 2m sde": "dpmpp_2m_sde",
  "dpm++ 3m sde": "dpmpp_3m_sde", "dpm++ 2s a": "dpmpp_2s_ancestral",
};

/** The prompt, what to avoid, and a last line of "Key: value" pairs that begins with the steps; null for other texts. */
function fromLines(text: string): Told | null {
  const lines = text.trim().split("\n");
  const last = lines.at(-1) ?? "";
  if (!/^\s*Steps:\s*\d+/.test(last)) return null;
  const above = lines.slice(0, -1);
  const cut = above.findIndex((line) => line.startsWith(NEGATIVE));
  const values: Record<string, Value> = { prompt: above.slice(0, cut < 0 ? undefined : cut).join("\n").trim() };
  if (cut >= 0) values["negativeprompt"] = above.slice(cut).join("\n").slice(NEGATIVE.length).trim();
  const rest: [string, string][] = [];
  for (const [, key = "", raw = ""] of last.matchAll(PAIR)) {
    const value = raw.trim().replace(/^"(.*)"$/, "$1");
    if (!take(key.trim(), value, values)) rest.push([key.trim(), value]);
  }
  return { kind: "lines", values, rest, text };
}

/** Puts one pair under this hub's ids; false when there is none for it. */
function take(key: string, value: string, values: Record<string, Value>): boolean {
  const id = SIMPLE[key];
  const size = /^(\d+)x(\d+)$/.exec(value);
  if (id !== undefined) values[id] = value;
  else if (key === "Size" && size) Object.assign(values, { aspectratio: "Custom", width: size[1], height: size[2] });
  else if (key === "Clip skip") values["clipstopatlayer"] = `-${value}`;
  else if (key === "Sampler") return takeSampler(value.toLowerCase(), values);
  else if (key === "Schedule type" && ["karras", "exponential", "simple", "normal"].includes(value.toLowerCase())) values["scheduler"] = value.toLowerCase();
  else return false;
  return true;
}

/** Older versions put the schedule behind the sampler's name. */
function takeSampler(name: string, values: Record<string, Value>): boolean {
  const schedule = /^(.*) (karras|exponential)$/.exec(name);
  const sampler = SAMPLERS[schedule?.[1] ?? name];
  if (sampler === undefined) return false;
  values["sampler"] = sampler;
  if (schedule?.[2] !== undefined) values["scheduler"] ??= schedule[2];
  return true;
}

/** A model's name without folders and ending, to compare what programs call it. */
const bare = (name: string): string => (name.split(/[\\/]/).at(-1) ?? name).replace(/\.(safetensors|ckpt|gguf|sft)$/i, "").toLowerCase();

/** The name this hub has for a model that a picture names, or null when it has none like it. */
export function ownModel(name: string, names: readonly string[]): string | null {
  return names.find((one) => one === name) ?? names.find((one) => bare(one) === bare(name)) ?? null;
}
