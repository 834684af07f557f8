import type { PageCard } from "../card";

export default {
  order: 50,
  title: "Backends",
  icon: "engine",
  flags: ["view_backends_list"],
  listed: true,
  load: () => import("./Backends.svelte"),
} satisfies PageCard;
