/** What happened to a job, in words. */

import { t } from "../../words.svelte";

/** Seconds as a person says them. */
export function span(seconds: number): string {
  if (seconds < 90) return t("{n} s", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return t("{n} min", { n: Math.round(seconds / 60) });
  return t("{n} h", { n: (seconds / 3600).toFixed(1) });
}

/** The state of a job, as one word. */
export function jobState(state: string): string {
  const words: Record<string, string> = {
    waiting: t("waiting"), running: t("running"), done: t("done"), failed: t("failed"), cancelled: t("interrupted"),
  };
  return words[state] ?? state;
}

/** A moment of a job's life; an unknown one keeps its own name. */
export function moment(event: string): string {
  const words: Record<string, string> = {
    queued: t("accepted"), waiting: t("in line"), refused: t("passed over by some engines"), loading: t("model being loaded"),
    started: t("first step"), imaged: t("picture finished"), intermediate: t("picture on the way"),
    requeued: t("back in line"), image_failed: t("failed"), image_cancelled: t("interrupted"), ended: t("over"),
  };
  return words[event] ?? event;
}
