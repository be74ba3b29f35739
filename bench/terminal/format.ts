/** Tables as a person reads them in a terminal. How values are written stands in record/units.ts. */
import Table from "cli-table3";

/**
 * A compact table: first column to the left, figures to the right, no lines but under the head. A heading of several
 * words is broken where that makes its column narrower, but for the first. A row of one cell has the whole line.
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = Object.fromEntries(
    ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
      .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid"])
      .map((part) => [part, ""]),
  );
  const made = new Table({
    head: headOf(head, rows),
    chars: { ...none, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: head.map((_, i) => (i === 0 ? "left" : "right")),
  });
  made.push(
    ...rows.map((row) => (row.length === 1 ? [{ content: row[0], colSpan: head.length }] : [...row])),
  );
  return made.toString().replace(/ +$/gm, "");
}

/** How wide a table is, in characters. */
export const widthOf = (text: string): number =>
  Math.max(0, ...text.split("\n").map((line) => Bun.stringWidth(line.trimEnd())));

/** Headings in lines no wider than the column's cells, if their words allow that, all ending on the same line. */
function headOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const wide = head.map((_, i) =>
    Math.max(0, ...rows.map((row) => (row.length === 1 ? 0 : Bun.stringWidth(row[i] ?? "")))),
  );
  const broken = head.map((words, i) => (rows.length === 0 || i === 0 ? [words] : lines(words, wide[i])));
  const high = Math.max(...broken.map(({ length }) => length));
  return broken.map((parts) => [...Array(high - parts.length).fill(""), ...parts].join("\n"));
}

function lines(words: string, wide: number): string[] {
  const broken: string[] = [];
  for (const word of words.split(" ")) {
    const last = broken.at(-1);
    if (last !== undefined && Bun.stringWidth(`${last} ${word}`) <= wide)
      broken.push(`${broken.pop()} ${word}`);
    else broken.push(word);
  }
  return broken;
}

/** Sentences in lines of at most `width` characters, broken between words; rows of tables stay as they are. */
export const wrapped = (text: string, width: number): string =>
  text
    .split("\n")
    .map((line) =>
      widthOf(line) <= width || / {2}/.test(line) ? line : Bun.wrapAnsi(line, width, { wordWrap: true }),
    )
    .join("\n");
