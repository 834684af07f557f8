/** Models as `ListModels` tells them, and finding them. */

import { t } from "../../words.svelte";

export interface ModelCard {
  name: string;
  title: string;
  author: string | null;
  description: string | null;
  preview_image: string;
  loaded: boolean;
  architecture: string | null;
  class: string | null;
  resolution: string;
  standard_width: number;
  standard_height: number;
  license: string | null;
  date: string | null;
  prediction_type: string | null;
  usage_hint: string | null;
  trigger_phrase: string | null;
  tags: string[] | null;
  is_supported_model_format: boolean;
  is_negative_embedding: boolean;
  lora_default_weight: string;
  lora_default_confinement: string;
  local: boolean;
  hash: string | null;
  /** Numbers of the engines elsewhere that have it. */
  engines?: number[];
}

/** The kinds of models, by the word the hub knows them by. */
export const KINDS: [string, () => string][] = [
  ["Stable-Diffusion", () => t("Models")], ["LoRA", () => t("LoRAs")], ["VAE", () => t("VAEs")], ["Embedding", () => t("Embeddings")],
  ["ControlNet", () => t("ControlNets")], ["Clip", () => t("Text encoders")], ["Wildcards", () => t("Wildcards")],
];

/** Those in whose name, title, text or class all words occur. */
export function matching(models: ModelCard[], words: string): ModelCard[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return models.filter((model) => {
    const text = [model.name, model.title, model.description, model.class, model.author, ...(model.tags ?? [])].join(" ").toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** The folders models lie in, each once, in order. */
export function foldersOf(models: { name: string }[]): string[] {
  const found = models.flatMap(({ name }) => {
    const parts = name.split("/").slice(0, -1);
    return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
  });
  return [...new Set(found)].sort();
}
