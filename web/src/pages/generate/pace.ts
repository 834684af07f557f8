/** How fast an image is being drawn, from when its steps arrived. Pure. */

export interface Pace {
  key: string;
  firstStep: number;
  /** Milliseconds on any clock that only goes forward. */
  firstAt: number;
  step: number;
  at: number;
}

/** The pace after step `step` of image `key` was seen at `at`; another image begins anew. */
export function paced(before: Pace | null, key: string, step: number, at: number): Pace {
  if (before === null || before.key !== key || step < before.step) return { key, firstStep: step, firstAt: at, step, at };
  return step === before.step ? before : { ...before, step, at };
}

/** Steps a second and seconds left of `steps`; null until two steps were seen apart in time. */
export function outlook(pace: Pace | null, steps: number): { perSecond: number; left: number } | null {
  if (pace === null || pace.step <= pace.firstStep || pace.at <= pace.firstAt) return null;
  const perSecond = ((pace.step - pace.firstStep) * 1000) / (pace.at - pace.firstAt);
  return { perSecond, left: Math.max(0, (steps - pace.step) / perSecond) };
}
