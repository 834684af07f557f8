/** Roles and permissions as the hub tells them (`AdminListRoles`, `AdminListPermissions`). */

import { t } from "../../words.svelte";

export interface Role {
  name: string;
  description: string;
  max_outpath_depth: number;
  is_auto_generated: boolean;
  model_whitelist: string[];
  model_blacklist: string[];
  permissions: string[];
  max_t2i_simultaneous: number;
  allow_unsafe_outpaths: boolean;
  max_images_at_once: number;
  max_queued: number;
  max_per_day: number;
  max_pixels: number;
  max_steps: number;
  max_files?: number;
  max_storage_mib?: number;
  check_content?: boolean;
}

export interface Flag {
  name: string;
  description: string;
  default: string;
  group: { name: string; description: string };
  safety_level: string;
  alt_safety_text: string | null;
}

export interface Flags {
  permissions: Record<string, Flag>;
  ordered: string[];
}

type Amount = { [Name in keyof Role]-?: Role[Name] extends number | undefined ? Name : never }[keyof Role];

/** The limits of a role: its key, its name, the least value. 0 is no limit where it may be 0. */
export const LIMITS: [Amount, () => string, number][] = [
  ["max_t2i_simultaneous", () => t("Images drawn at once"), 1],
  ["max_images_at_once", () => t("Images of one request (0: no limit)"), 0],
  ["max_queued", () => t("Images waiting (0: no limit)"), 0],
  ["max_per_day", () => t("Images a day (0: no limit)"), 0],
  ["max_pixels", () => t("Pixels of a picture (0: no limit)"), 0],
  ["max_steps", () => t("Steps (0: no limit)"), 0],
  ["max_files", () => t("Files kept (0: no limit)"), 0],
  ["max_storage_mib", () => t("MiB of files kept (0: no limit)"), 0],
  ["max_outpath_depth", () => t("Folders below each other in output paths"), 1],
];

/** A role as `AdminEditRole` takes it: lists become words with commas between. */
export function sentRole(id: string, role: Role): Record<string, unknown> {
  const { is_auto_generated: _, ...rest } = role;
  const joined = { model_whitelist: role.model_whitelist.join(","), model_blacklist: role.model_blacklist.join(","), permissions: role.permissions.join(",") };
  return { ...rest, ...joined, name: id };
}

/** Whether a role has a permission; the star is all of them. */
export const has = (role: Role, flag: string): boolean => role.permissions.includes(flag) || role.permissions.includes("*");
