/** Markup for the sections, as for every page. */
export * from "../../pages/html.ts";
