/** From the list of parameters and what a person set to sections to draw, a checked request, and back. Pure. */

import type { Group, Model, Param, Value } from "../wire/shapes";
import { LIST_MARK } from "./loras";

/** What a person has chosen: only ids they touched are in `values`; `on` holds toggled parameters and groups. */
export interface Choice {
  values: Record<string, Value>;
  on: Record<string, boolean>;
}

export interface Section {
  group: Group | null;
  params: Param[];
}

export interface Unused {
  param: Param;
  needs: string;
}

/** Drawn by their own parts of the page, not in the list of parameters. */
export const OWN_PLACE = new Set(["prompt", "negativeprompt", "model", "loras", "loraweights", "loratencweights"]);

/** Feature flags that speak of the chosen model, not of an engine: shown only where its architecture matches. */
const BY_MODEL: Record<string, RegExp> = {
  "sdxl": /xl/i, "sd3": /v3|sd3/i, "flux-dev": /flux/i, "cascade": /cascade/i,
  "text2video": /video/i, "text2audio": /audio/i,
};

/** The feature the parameter lacks here, or null when it can be used. */
export function lacking(param: Param, features: readonly string[], model: Model | null): string | null {
  const flags = (param.feature_flag ?? "").split(",").map((flag) => flag.trim()).filter(Boolean);
  for (const flag of flags) {
    const architecture = BY_MODEL[flag];
    const met = architecture ? architecture.test(model?.architecture ?? "") : features.includes(flag);
    if (!met) return flag;
  }
  return null;
}

const byPriority = <Item extends { priority: number; name: string }>(one: Item, other: Item): number =>
  one.priority - other.priority || one.name.localeCompare(other.name);

export interface View {
  list: Param[];
  groups: Group[];
  choice: Choice;
  features: readonly string[];
  model: Model | null;
  advanced: boolean;
  filter: string;
}

/** The sections to draw, in order, what the advanced switch hides, and what cannot be used here and why. */
export function sections(view: View): { shown: Section[]; hiddenAdvanced: number; unused: Unused[] } {
  const groups = new Map(view.groups.map((group) => [group.id, group]));
  const filed = new Map<string | null, Param[]>();
  const unused: Unused[] = [];
  let hiddenAdvanced = 0;
  for (const param of [...view.list].sort(byPriority)) {
    if (!param.visible || param.extra_hidden || OWN_PLACE.has(param.id)) continue;
    if (!matches(param, view.filter)) continue;
    const needs = lacking(param, view.features, view.model);
    const group = groups.get(param.group ?? "") ?? null;
    if (needs !== null) unused.push({ param, needs });
    else if ((param.advanced || group?.advanced === true) && !view.advanced) hiddenAdvanced += 1;
    else if (dependencyMet(param, view)) filed.set(group?.id ?? null, [...(filed.get(group?.id ?? null) ?? []), param]);
  }
  const shown = [...filed].map(([id, params]): Section => ({ group: groups.get(id ?? "") ?? null, params }));
  const places = new Map(shown.map((section) => [section, placeOf(section.group, groups)]));
  shown.sort((one, other) => before(places.get(one) ?? [], places.get(other) ?? []));
  return { shown, hiddenAdvanced, unused };
}

/** The priorities of a group and of those around it, the outermost first: a group stands behind the one it is in. */
function placeOf(group: Group | null, groups: Map<string, Group>): number[] {
  if (group === null) return [-1000];
  return [...(group.parent === null ? [] : placeOf(groups.get(group.parent) ?? null, groups)), group.priority];
}

function before(one: number[], other: number[]): number {
  for (let at = 0; at < Math.min(one.length, other.length); at += 1) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** A group and those around it, the innermost first. */
export function around(id: string | null, groups: readonly Group[]): Group[] {
  const group = groups.find((candidate) => candidate.id === id);
  return group === undefined ? [] : [group, ...around(group.parent, groups)];
}

const matches = (param: Param, filter: string): boolean =>
  filter === "" || `${param.name} ${param.id}`.toLowerCase().includes(filter.toLowerCase());

function dependencyMet(param: Param, view: View): boolean {
  const other = view.list.find((candidate) => candidate.id === param.depend_non_default);
  if (!other) return true;
  const value = view.choice.values[other.id];
  return value !== undefined && String(value) !== (other.default ?? "") && isOn(other, view.choice, view.groups);
}

/** Whether a parameter counts: its own switch and the switches of its groups are on. */
export function isOn(param: Param, choice: Choice, groups: Group[]): boolean {
  if (param.toggleable && choice.on[param.id] !== true) return false;
  return around(param.group, groups).every((group) => !group.toggles || choice.on[group.id] === true);
}

/** What will be drawn with when the parameter is left out: the model's own value, else the listed default. */
export function proposed(param: Param, model: Model | null): string {
  const own = model?.defaults?.[param.id];
  if (own !== undefined && own !== null) return String(own);
  if (param.id === "width" && model !== null && model.standard_width > 0) return String(model.standard_width);
  if (param.id === "height" && model !== null && model.standard_height > 0) return String(model.standard_height);
  return param.default ?? "";
}

/** Why `value` cannot be sent for `param`, as a sentence with its bounds to be translated; null when it can. */
export function fault(param: Param, value: Value): { key: string; named: Record<string, string> } | null {
  if (param.type !== "integer" && param.type !== "decimal") return null;
  const text = String(value).trim();
  const form = param.type === "integer" ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  if (!form.test(text)) {
    return param.type === "integer"
      ? { key: "{name} must be a whole number.", named: { name: param.name } }
      : { key: "{name} must be a number.", named: { name: param.name } };
  }
  const bounded = param.min !== 0 || param.max !== 0;
  if (bounded && (Number(text) < param.min || Number(text) > param.max)) {
    const named = { name: param.name, min: String(param.min), max: String(param.max) };
    return { key: "{name} must be from {min} to {max}.", named };
  }
  return null;
}

/** A whole number too large for a float travels as text, so that a 63-bit seed stays exact. */
function exact(param: Param, value: Value): Value {
  if (param.type !== "integer" && param.type !== "decimal") return value;
  const number = Number(value);
  return param.type === "integer" && !Number.isSafeInteger(number) ? String(value).trim() : number;
}

/**
 * The body of a generation request, without session and image count. What was not set is left out, so that the
 * model's own defaults apply; a switched-on parameter or group sends what it shows. The aspect ratio is a help of
 * this page: it travels as width and height.
 */
export function requestOf(view: Omit<View, "filter" | "advanced">): Record<string, Value> {
  const body: Record<string, Value> = {};
  const toggling = new Set(view.groups.filter((group) => group.toggles).map((group) => group.id));
  for (const param of view.list) {
    if (param.id === "images" || param.id === "aspectratio") continue;
    const value = view.choice.values[param.id];
    const switched = param.toggleable || toggling.has(param.group ?? "");
    if (value === undefined && !switched) continue;
    if (!isOn(param, view.choice, view.groups) || lacking(param, view.features, view.model) !== null) continue;
    const sent = value ?? proposed(param, view.model);
    if (sent === "" && param.id !== "prompt") continue;
    body[param.id] = exact(param, sent);
  }
  return body;
}

/** The first parameter that cannot be sent, with its reason. */
export function firstFault(view: Omit<View, "filter" | "advanced">): { id: string; key: string; named: Record<string, string> } | null {
  for (const param of view.list) {
    const value = view.choice.values[param.id];
    if (value === undefined || !isOn(param, view.choice, view.groups)) continue;
    const found = fault(param, value);
    if (found) return { id: param.id, ...found };
  }
  return null;
}

/** What a finished picture was made with, as a choice: only parameters the list knows and that may be reused. */
export function choiceFrom(metadata: string, list: Param[], groups: Group[]): Choice {
  const parameters = readParameters(metadata);
  const choice: Choice = { values: {}, on: {} };
  for (const param of list) {
    const value = parameters[param.id];
    if (value === undefined || param.nonreusable) continue;
    choice.values[param.id] = value;
    if (param.toggleable) choice.on[param.id] = true;
    for (const group of around(param.group, groups)) if (group.toggles) choice.on[group.id] = true;
  }
  return choice;
}

/** The parameter block of a picture's metadata; empty when the text is none of ours. */
export function readParameters(metadata: string | null): Record<string, Value> {
  try {
    const parsed: unknown = JSON.parse(metadata ?? "{}", exactly);
    const block = (parsed as { sui_image_params?: Record<string, unknown> }).sui_image_params ?? {};
    const joined = Object.entries(block).map(([id, value]) => [id, Array.isArray(value) ? value.map(String).join(LIST_MARK) : value] as const);
    const plain = joined.filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
    return Object.fromEntries(plain) as Record<string, Value>;
  } catch {
    return {};
  }
}

/** Keeps the digits of whole numbers a float would round. */
function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const whole = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return whole && context?.source !== undefined ? context.source : value;
}
