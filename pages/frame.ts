/** The frame of every page: one file that loads nothing and runs nothing, whatever it quotes. */
import { readFileSync } from "node:fs";
import { ownFile } from "../platform/own.ts";
import { type Content, html, type Markup, raw } from "./html.ts";

export type PageSection = { id: string; title: string; markup: Markup };

export type Page = {
  /** The browser's title. */
  title: string;
  /** What kind of page it is: `sockbench report`. */
  brand: string;
  heading: string;
  /** Lines below the heading. */
  subjects: readonly Content[];
  sections: readonly PageSection[];
  footer: Content;
  /** Paths of the style sheets of this kind of page, after the one that all share. */
  styles: readonly string[];
};

/** Nothing may be loaded and nothing may run, whatever stood in a record or came from a server. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

export function renderPage({ title, brand, heading, subjects, sections, footer, styles }: Page): string {
  const sheets = [ownFile("pages/page.css"), ...styles];
  const style = sheets.map((path) => readFileSync(path, "utf8")).join("\n");
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="sockbench">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${raw(style)}</style>
</head>
<body>
<header>
<p class="brand">${brand}</p>
<h1>${heading}</h1>
${subjects.map((subject) => html`<p class="subject">${subject}</p>\n`)}<nav aria-label="Contents"><ol>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ol></nav>
</header>
<main>
${sections.map(
  ({
    id,
    title,
    markup,
  }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${markup}</section>
`,
)}</main>
<footer><p>${footer}</p></footer>
</body>
</html>
`;
  return page.markup;
}
