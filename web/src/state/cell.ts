/** One image of a batch, and every way in which it can change. Pure. */

import type { Progress } from "../wire/shapes";

export type CellState = "waiting" | "running" | "done" | "failed" | "interrupted" | "discarded";

export interface Cell {
  /** The image's `batch_index` on its socket. */
  index: number;
  state: CellState;
  /** Fractions 0..1 of the whole image and of its present step. */
  overall: number;
  current: number;
  step: number | null;
  steps: number | null;
  preview: string | null;
  image: string | null;
  metadata: string | null;
  reason: string | null;
}

export const isTerminal = (cell: Cell): boolean => cell.state !== "waiting" && cell.state !== "running";

export const blank = (index: number): Cell => ({
  index, state: "waiting", overall: 0, current: 0, step: null, steps: null,
  preview: null, image: null, metadata: null, reason: null,
});

/** A step of the job stream. */
export function stepped(cell: Cell, event: { step: number; steps: number; preview: string | null }): Cell {
  if (isTerminal(cell)) return cell;
  const overall = event.steps > 0 ? event.step / event.steps : 0;
  return {
    ...cell, state: "running", overall, current: overall, step: event.step, steps: event.steps,
    preview: event.preview ?? cell.preview,
  };
}

/** A step of the generation socket; what it leaves out stays as it was. */
export function running(cell: Cell, said: Progress): Cell {
  if (isTerminal(cell)) return cell;
  return {
    ...cell,
    state: "running",
    overall: said.overall_percent,
    current: said.current_percent,
    step: said.step ?? cell.step,
    steps: said.steps ?? cell.steps,
    preview: said.preview ?? cell.preview,
    metadata: said.metadata ?? cell.metadata,
  };
}

export const done = (cell: Cell, image: string, metadata: string | null): Cell => ({
  ...cell, state: "done", overall: 1, current: 1, preview: null, image, metadata, reason: null,
});

export const over = (cell: Cell, state: CellState, reason: string | null): Cell => ({ ...cell, state, reason });
