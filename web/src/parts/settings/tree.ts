/** Settings as the hub lists them (`GetUserSettings`, `ListServerSettings`), and what a person changed. Pure. */

export type Plain = string | number | boolean | string[];

export interface Setting {
  type: string;
  name: string;
  value: Plain | Record<string, Setting>;
  description: string;
  values: string[] | null;
  value_names: string[] | null;
  is_secret: boolean;
  default_value?: Plain | null;
  /** Whether it acts after a restart only. */
  needs_restart?: boolean;
  /** What outranks the file, so that a change there would do nothing: the environment or the command line. */
  fixed_by?: string;
}

/** One setting with its dotted id, below the names of the groups around it. */
export interface Leaf {
  id: string;
  groups: Setting[];
  setting: Setting;
  value: Plain;
}

/** All settings in their order. */
export function leaves(tree: Record<string, Setting>, around: Setting[] = [], before = ""): Leaf[] {
  return Object.entries(tree).flatMap(([key, setting]) =>
    setting.type === "group"
      ? leaves(setting.value as Record<string, Setting>, [...around, setting], `${before}${key}.`)
      : [{ id: before + key, groups: around, setting, value: setting.value as Plain }],
  );
}

/** Those in whose name, text or group all words occur. */
export function matching(all: Leaf[], words: string): Leaf[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter(({ id, setting, groups }) => {
    const text = `${id} ${setting.name} ${setting.description} ${groups.map((one) => one.name).join(" ")}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** Settings under the heading of their group, groups in their order. */
export function grouped(all: Leaf[]): { head: Setting | null; leaves: Leaf[] }[] {
  const found: { head: Setting | null; leaves: Leaf[] }[] = [];
  for (const leaf of all) {
    const head = leaf.groups.at(-1) ?? null;
    const last = found.at(-1);
    if (last !== undefined && last.head === head) last.leaves.push(leaf);
    else found.push({ head, leaves: [leaf] });
  }
  return found;
}

export const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** A name in the code's spelling as people read it: `max_request_mib` and `MaxRequestMib` alike. */
export function spelled(name: string): string {
  const words = name.replace(/_/g, " ").replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
