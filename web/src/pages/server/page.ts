import type { PageCard } from "../card";

export default {
  order: 60,
  title: "Server",
  icon: "server",
  flags: ["view_server_tab"],
  listed: true,
  load: () => import("./Server.svelte"),
} satisfies PageCard;
