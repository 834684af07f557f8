/** How long to wait before trying a lost connection again. */

const SECONDS = [0.5, 1, 2, 4, 8, 15];

/**
 * The pause in milliseconds before try number `attempt` (counted from 0). The listed pause is varied by up to a
 * fifth either way, so that many tabs do not all knock at the same moment after a restart.
 */
export function pause(attempt: number, random: () => number = Math.random): number {
  const seconds = SECONDS[Math.min(attempt, SECONDS.length - 1)] ?? 15;
  return Math.round(seconds * 1000 * (0.8 + 0.4 * random()));
}
