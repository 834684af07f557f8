/** What can go wrong with a call, as values the page can show. */

import type { Value } from "./shapes";

/** The hub refused or failed; `message` is its sentence, the rest says what it is about. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly errorId: string | null = null,
    readonly field: string | null = null,
    readonly limit: Value | null = null,
    readonly permission: string | null = null,
  ) {
    super(message);
    this.name = "Refused";
  }
}

/** The hub cannot be reached, or what answered there is not the hub. */
export class Unreachable extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Unreachable";
  }
}

interface ErrorKeys {
  error?: unknown;
  error_id?: unknown;
  field?: unknown;
  limit?: unknown;
  permission?: unknown;
}

/** The refusal in an answer, or null when the answer is a good one. */
export function refusalIn(answer: ErrorKeys): Refused | null {
  const text = typeof answer.error === "string" ? answer.error : "";
  const id = typeof answer.error_id === "string" ? answer.error_id : null;
  if (text === "" && id === null) return null;
  const words = (value: unknown): string | null => (typeof value === "string" ? value : null);
  const limit = ["string", "number", "boolean"].includes(typeof answer.limit) ? (answer.limit as Value) : null;
  return new Refused(text || (id ?? ""), id, words(answer.field), limit, words(answer.permission));
}
