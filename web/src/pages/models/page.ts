import type { PageCard } from "../card";

export default {
  order: 40,
  title: "Models",
  icon: "models",
  flags: ["fundamental_model_access"],
  listed: true,
  load: () => import("./Models.svelte"),
} satisfies PageCard;
