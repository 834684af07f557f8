/** The chosen LoRAs: three lists of a request side by side, each one text with a mark between its items. Pure. */

import type { Value } from "../wire/shapes";

export const LIST_MARK = "\n|||\n";

export interface Lora {
  name: string;
  weight: string;
  /** How strongly it acts on the text encoders; empty: as `weight` says. */
  text: string;
}

export type LoraValues = Record<"loras" | "loraweights" | "loratencweights", string>;

/** The items of a list however it was written: a client's text, or metadata's array joined. */
const items = (value: Value | undefined): string[] => {
  const text = String(value ?? "");
  return (text.includes("|||") ? text.split("|||") : text.split(",")).map((item) => item.trim()).filter(Boolean);
};

export function lorasOf(values: Record<string, Value>): Lora[] {
  const weights = items(values["loraweights"]);
  const texts = items(values["loratencweights"]);
  return items(values["loras"]).map((name, at) => ({ name, weight: weights[at] ?? "1", text: texts[at] ?? "" }));
}

/** The three lists; a weight that is no number yet is sent as it is, so that the hub names it. */
export function valuesOf(loras: Lora[]): LoraValues {
  const some = loras.some((one) => one.text !== "");
  return {
    loras: loras.map((one) => one.name).join(LIST_MARK),
    loraweights: loras.map((one) => one.weight || "1").join(LIST_MARK),
    loratencweights: some ? loras.map((one) => one.text || one.weight || "1").join(LIST_MARK) : "",
  };
}
