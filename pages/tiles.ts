/** Tiles: the main results of a page, each with a sign and a colour. */
import { html, type Markup } from "./html.ts";

export type Tile = { mark: "good" | "bad" | "doubt"; title: string; words: string };

const symbols = { good: "✓", bad: "✗", doubt: "!" };

const tile = ({ mark, title, words }: Tile): Markup =>
  html`<li class="tile ${mark}"><span class="mark" aria-hidden="true">${symbols[mark]}</span><div><strong>${title}</strong><br>${words}</div></li>`;

export const tiles = (all: readonly Tile[]): Markup => html`<ul class="tiles">${all.map(tile)}</ul>`;
