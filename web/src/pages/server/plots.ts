/** Which columns of `/hub/v1/resources` are drawn together, and as what. */

import { t } from "../../words.svelte";

export interface Columns {
  step: number;
  /** Unix seconds, oldest first. */
  times: number[];
  columns: Record<string, (number | null)[]>;
  units: Record<string, string>;
  facts: { cores: number; ram_total: number; disk_total: number; gpu_names: Record<string, string>; gpu_memory: Record<string, number> };
}

export interface Drawn {
  name: string;
  values: (number | null)[];
}

interface PlotOf {
  id: string;
  title: () => string;
  unit: () => string;
  /** Columns whose whole name matches, and the line's name. */
  takes: [RegExp, (found: RegExpExecArray) => string][];
  factor: number;
  /** The top of the scale, where it is known. */
  most?: (columns: Columns) => number;
}

const GIB = 1 / 2 ** 30;

export const PLOTS: PlotOf[] = [
  { id: "gpu", title: () => t("Graphics cards"), unit: () => "%", factor: 100, most: () => 100, takes: [[/^gpu(\d+)_use$/, (found) => t("card {n}", { n: found[1] ?? "" })]] },
  { id: "vram", title: () => t("Memory of the cards"), unit: () => "GiB", factor: GIB, takes: [[/^gpu(\d+)_memory_used$/, (found) => t("card {n}", { n: found[1] ?? "" })]] },
  { id: "heat", title: () => t("Temperature of the cards"), unit: () => "°C", factor: 1, takes: [[/^gpu(\d+)_temperature$/, (found) => t("card {n}", { n: found[1] ?? "" })]] },
  { id: "power", title: () => t("Power of the cards"), unit: () => "W", factor: 1, takes: [[/^gpu(\d+)_power$/, (found) => t("card {n}", { n: found[1] ?? "" })]] },
  { id: "cpu", title: () => t("Processor"), unit: () => "%", factor: 100, most: () => 100, takes: [[/^cpu$/, () => t("all cores")], [/^hub_cpu$/, () => t("the hub, of one core")]] },
  { id: "ram", title: () => t("Memory"), unit: () => "GiB", factor: GIB, most: (told) => told.facts.ram_total * GIB, takes: [[/^ram_used$/, () => t("used")], [/^hub_ram$/, () => t("the hub")]] },
  { id: "disk", title: () => t("Free disk"), unit: () => "GiB", factor: GIB, takes: [[/^disk_free$/, () => t("free")]] },
  { id: "queue", title: () => t("Queue"), unit: () => t("images"), factor: 1, takes: [[/^queue_waiting$/, () => t("waiting")], [/^queue_loading$/, () => t("loading")], [/^queue_drawn$/, () => t("being drawn")]] },
  { id: "images", title: () => t("Images a minute"), unit: () => t("images"), factor: 1, takes: [[/^images_per_minute$/, () => t("all")], [/^engine(\d+)_images_per_minute$/, (found) => t("backend {n}", { n: found[1] ?? "" })], [/^failures_per_minute$/, () => t("failed")]] },
  { id: "waits", title: () => t("How long images take"), unit: () => "s", factor: 1, takes: [[/^wait_p50$/, () => t("waiting, half")], [/^wait_p95$/, () => t("waiting, slowest twentieth")], [/^draw_p50$/, () => t("drawing, half")], [/^draw_p95$/, () => t("drawing, slowest twentieth")]] },
  { id: "loads", title: () => t("Models loaded a minute"), unit: () => t("models"), factor: 1, takes: [[/^loads_per_minute$/, () => t("loads")]] },
  { id: "sockets", title: () => t("Open sockets"), unit: () => t("sockets"), factor: 1, takes: [[/^sockets$/, () => t("sockets")]] },
];

/** The lines of one plot in its unit; without any where nothing of it is measured. */
export function rowsOf(plot: PlotOf, told: Columns): { lines: Drawn[] } {
  const lines = Object.entries(told.columns).flatMap(([name, values]) =>
    plot.takes.flatMap(([form, say]): Drawn[] => {
      const found = form.exec(name);
      return found === null ? [] : [{ name: say(found), values: values.map((value) => (value === null ? null : value * plot.factor)) }];
    }),
  );
  return { lines: lines.filter((line) => line.values.some((value) => value !== null)) };
}
