/** From an aspect ratio to a size the chosen model draws well. Pure. */

import type { Model } from "../wire/shapes";

export interface Size {
  width: number;
  height: number;
}

/**
 * The size for a ratio such as "3:2": one of the model's own sizes where one has that shape (within a hundredth),
 * else as many pixels as its standard size, rounded to `step`. Null for a text that is no ratio ("Custom").
 */
export function sizeFor(ratio: string, model: Model | null, step = 32): Size | null {
  const parts = /^(\d+):(\d+)$/.exec(ratio);
  if (!parts) return null;
  const shape = Number(parts[1]) / Number(parts[2]);
  const standard = { width: model?.standard_width || 512, height: model?.standard_height || 512 };
  const native = (model?.native_sizes ?? []).find(([width, height]) => Math.abs(width / height - shape) < 0.01);
  if (native) return { width: native[0], height: native[1] };
  const area = standard.width * standard.height;
  const round = (pixels: number): number => Math.max(64, Math.round(pixels / step) * step);
  return { width: round(Math.sqrt(area * shape)), height: round(Math.sqrt(area / shape)) };
}

/** The listed ratio a size has (within a hundredth), or "Custom". */
export function ratioOf(size: Size, ratios: readonly string[]): string {
  const found = ratios.find((ratio) => {
    const parts = /^(\d+):(\d+)$/.exec(ratio);
    return parts !== null && Math.abs(size.width / size.height - Number(parts[1]) / Number(parts[2])) < 0.01;
  });
  return found ?? "Custom";
}
