import type { PageCard } from "../card";
import Generate from "./Generate.svelte";

export default {
  order: 10,
  title: "Generate",
  icon: "brush",
  flags: ["fundamental_generate_tab_access"],
  listed: true,
  load: () => Promise.resolve({ default: Generate }), // the first page: nobody should wait for a second file
} satisfies PageCard;
