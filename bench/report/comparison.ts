/** Comparison. */
import type { Section } from "./section.ts";
export const comparison: Section = { id: "comparison", title: "Comparison", render: () => undefined };
