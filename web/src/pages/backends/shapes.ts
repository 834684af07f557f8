/** Engines as `ListBackends` and `ListBackendTypes` tell them. */

import type { Plain, Setting } from "../../parts/settings/tree";

export interface Engine {
  type: string;
  /** `disabled`, `waiting`, `loading`, `idle`, `running`, `silent` or `errored`. */
  status: string;
  id: number;
  settings: Record<string, Plain>;
  features: string[];
  enabled: boolean;
  title: string;
  max_usages: number;
  seconds_since_used: number;
  time_since_used: string;
  can_load_models: boolean;
  reason: string;
  device: string;
  busy: number;
  current_model?: string | null;
}

export interface TypeSetting {
  name: string;
  title: string;
  type: string;
  description: string;
  placeholder: string;
  is_secret: boolean;
  values: string[] | null;
  value_names: string[] | null;
  default: Plain | null;
}

export interface EngineType {
  id: string;
  name: string;
  description: string;
  settings: TypeSetting[];
}

/** What an engine is called: its title, else its type's name. */
export function engineName(engine: Engine, types: EngineType[]): string {
  return engine.title || (types.find((type) => type.id === engine.type)?.name ?? engine.type);
}

/** An engine's settings as the settings form draws them; a value it lacks is the type's own. */
export function asSettings(type: EngineType, values: Record<string, Plain>): Record<string, Setting> {
  const given = new Map(Object.entries(values).map(([name, value]) => [letters(name), value]));
  return Object.fromEntries(
    type.settings.map((one): [string, Setting] => [
      one.name,
      {
        type: one.type === "secret" ? "text" : one.type, name: one.title || one.name, value: given.get(letters(one.name)) ?? one.default ?? "", description: one.description,
        values: one.values, value_names: one.value_names, is_secret: one.is_secret, default_value: one.is_secret ? null : one.default,
      },
    ]),
  );
}

/** The hub spells settings in more than one way: `AllowIdle`, `allow_idle`. */
const letters = (name: string): string => name.toLowerCase().replace(/_/g, "");
