import type { PageCard } from "../card";

export default {
  order: 90,
  title: "My settings",
  icon: "person",
  flags: ["read_user_settings"],
  listed: true,
  load: () => import("./Me.svelte"),
} satisfies PageCard;
