/**
 * Markup that cannot be broken by what a record says: everything put into a template is text unless it is
 * markup already. A witness holds bytes that a third-party server sent; here they can only be read.
 */

export type Markup = { readonly markup: string };
export type Content = Markup | string | number | undefined | null | false | readonly Content[];

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Controls, and marks that turn the direction of text around: obeyed, they would hide what was sent. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const asCode = (character: string): string => `\\x${character.codePointAt(0)!.toString(16).padStart(2, "0")}`;

/** Text in which nothing is unseen but the ends of lines. */
export const seen = (text: string): string =>
  text.replace(unseen, (character) => (character === "\n" ? character : asCode(character)));

const escapeText = (text: string): string =>
  seen(text).replace(/[&<>"']/g, (character) => entities[character]);

/** Takes text as markup: only for what this program made itself. */
export const raw = (markup: string): Markup => ({ markup });

function render(content: Content): string {
  if (content === undefined || content === null || content === false) return "";
  if (typeof content === "string" || typeof content === "number") return escapeText(String(content));
  if ("markup" in content) return content.markup;
  return content.map(render).join("");
}

export function html(parts: TemplateStringsArray, ...contents: Content[]): Markup {
  return raw(parts.reduce((text, part, i) => text + render(contents[i - 1]) + part));
}

/** A sentence in which flags and what stands in backticks are code, and do not break after their dashes. */
export function prose(text: string): Markup {
  const parts = text.split(/(`[^`]+`|(?<=^|\s)--[a-z][\w-]*)/);
  return html`${parts.map((part, i) => (i % 2 === 1 ? html`<code class="flag">${part.replaceAll("`", "")}</code>` : part))}`;
}

const named: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Bytes of a witness as text in which every byte is seen, and no more of it than `most` characters. */
export function visible(text: string, most = 400): string {
  const shown = text.slice(0, most).replace(unseen, (character) => named[character] ?? asCode(character));
  return text.length > most ? `${shown} … and ${(text.length - most).toLocaleString("en")} more` : shown;
}

export type Table = {
  head: readonly string[];
  rows: readonly (readonly Content[])[];
  /** Columns from here on are numbers, set flush right; by default all but the first. */
  numbersFrom?: number;
};

/** A table; on a narrow page with `stack` every row becomes a card, so that nothing scrolls sideways. */
export function table({ head, rows, numbersFrom = 1 }: Table, stack = false): Markup {
  const kind = (column: number, cell?: Content) =>
    raw(` class="${column >= numbersFrom ? "number" : "text"}${cell === "–" ? " none" : ""}"`);
  const cells = (row: readonly Content[]) =>
    row.map((cell, i) =>
      i === 0
        ? html`<th scope="row">${cell}</th>`
        : html`<td${kind(i, cell)} data-label="${head[i]}">${cell}</td>`,
    );
  return html`<div class="${stack ? "table stack" : "table"}"${stack ? "" : raw(` tabindex="0" role="region" aria-label="Table"`)}><table>
<thead><tr>${head.map((cell, i) => html`<th scope="col"${kind(i)}>${cell}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>\n`)}</tbody></table></div>`;
}
