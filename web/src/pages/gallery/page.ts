import type { PageCard } from "../card";

export default {
  order: 30,
  title: "Gallery",
  icon: "gallery",
  flags: ["view_image_history"],
  listed: true,
  load: () => import("./Gallery.svelte"),
} satisfies PageCard;
