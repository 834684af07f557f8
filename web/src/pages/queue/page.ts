import type { PageCard } from "../card";

export default {
  order: 20,
  title: "Queue",
  icon: "queue",
  flags: ["basic_image_generation"],
  listed: true,
  load: () => import("./Queue.svelte"),
} satisfies PageCard;
