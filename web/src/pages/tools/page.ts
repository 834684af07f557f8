import type { PageCard } from "../card";

export default {
  order: 70,
  title: "Tools",
  icon: "tools",
  flags: ["utilities_tab"],
  listed: true,
  load: () => import("./Tools.svelte"),
} satisfies PageCard;
