/** What a person has typed and set, kept for this tab so that a reload loses nothing. */

import type { Group, Model, Param, Value } from "../wire/shapes";
import { around, type Choice } from "./shaping";

const KEY = "hub.draft";
const MODEL_KEY = "hub.model";

interface Kept {
  values: Record<string, Value>;
  on: Record<string, boolean>;
  advanced: boolean;
  open: Record<string, boolean>;
}

function read(): Kept {
  const empty: Kept = { values: {}, on: {}, advanced: false, open: {} };
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as Partial<Kept>;
    return { ...empty, ...kept };
  } catch {
    return empty;
  }
}

export class Draft {
  values = $state<Record<string, Value>>({});
  on = $state<Record<string, boolean>>({});
  advanced = $state(false);
  /** Which groups were folded open or shut by hand. */
  open = $state<Record<string, boolean>>({});
  filter = $state("");
  /** The hub's groups of parameters, once read. */
  groups: readonly Group[] = [];
  /** What is wrong with a field, by parameter id. */
  faults = $state<Record<string, string>>({});

  constructor() {
    const kept = read();
    this.values = kept.values;
    this.on = kept.on;
    this.advanced = kept.advanced;
    this.open = kept.open;
  }

  get choice(): Choice {
    return { values: this.values, on: this.on };
  }

  /** The number of images to ask for; 1 where none was set. */
  get images(): Value {
    return this.values["images"] ?? 1;
  }

  set(param: Param | string, value: Value | undefined): void {
    const id = typeof param === "string" ? param : param.id;
    delete this.faults[id];
    if (value === undefined || value === "") delete this.values[id];
    else this.values[id] = value;
    if (typeof param === "string" || value === undefined) return;
    // Whoever sets a value means it: its own switch and that of its group go on.
    if (param.toggleable) this.on[id] = true;
    for (const group of around(param.group, this.groups)) this.on[group.id] = true;
  }

  /** Takes over the parameters of a finished picture; what it did not say goes back to its default. */
  take(choice: Choice): void {
    const images = this.values["images"];
    this.values = images === undefined ? choice.values : { ...choice.values, images };
    this.on = choice.on;
    this.faults = {};
  }

  /** Keeps everything but files (too large for the browser's keep). Called whenever something changes. */
  keep(): void {
    const small = Object.fromEntries(
      Object.entries(this.values).filter(([, value]) => typeof value !== "string" || value.length < 100_000),
    );
    const kept: Kept = { values: small, on: this.on, advanced: this.advanced, open: this.open };
    sessionStorage.setItem(KEY, JSON.stringify(kept));
    const model = this.values["model"];
    if (typeof model === "string") localStorage.setItem(MODEL_KEY, model);
  }

  /**
   * Chooses a model where none is chosen: the last one used in this browser, else one of the hub's own machine
   * (a loaded one, the first), else the first that an engine elsewhere has.
   */
  settleModel(models: Model[]): void {
    const known = (name: unknown): boolean => models.some((model) => model.name === name);
    if (known(this.values["model"])) return;
    const last = localStorage.getItem(MODEL_KEY);
    const here = models.filter((model) => model.local);
    const own = here.length > 0 ? here : models;
    const choice = known(last) ? last : (own.find((model) => model.loaded) ?? own[0])?.name;
    if (choice === undefined || choice === null) delete this.values["model"];
    else this.values["model"] = choice;
  }
}
