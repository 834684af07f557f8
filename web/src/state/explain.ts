/** Failures in words that say what to do next. */

import { Refused, Unreachable } from "../wire/trouble";
import { t } from "../words.svelte";

/** A failure as a sentence; a missing permission is named together with who can grant it. */
export function explain(cause: unknown): string {
  if (cause instanceof Unreachable) return t("The hub cannot be reached. Is it running? The page keeps trying.");
  if (!(cause instanceof Refused)) return cause instanceof Error ? cause.message : String(cause);
  if (cause.permission === null) return cause.message;
  return t("{error} You need the permission “{permission}”; an administrator can grant it to your role.", {
    error: cause.message, permission: cause.permission,
  });
}
