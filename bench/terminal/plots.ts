/** Small plots for the terminal: bars for how often, and a line of blocks for how it went. */
import sparkly from "sparkly";

const WIDTH = 40;
/** Counts from here on share a bar with their neighbours, twice as many for each further bar. */
const SINGLE = 4;

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar to an eighth of a letter; what is there at all has at least one of them. */
function barOf(count: number, most: number): string {
  const eighths = count === 0 ? 0 : Math.max(1, Math.round((count / most) * WIDTH * 8));
  return "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

/** Bars for how often each number came, the numbers grouped by doubling: `index → how often`. */
export function barHistogram(counts: readonly (number | undefined)[]): string {
  const bars: { label: string; count: number }[] = [];
  for (let from = 0, to = 0; from < counts.length; from = to + 1) {
    to = from < SINGLE ? from : from * 2 - 1;
    const count = counts.slice(from, to + 1).reduce<number>((sum, value) => sum + (value ?? 0), 0);
    bars.push({ label: from === to ? `${from}` : `${from}–${to}`, count });
  }
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const wide = Math.max(...bars.map(({ label }) => label.length));
  return bars
    .map(({ label, count }) =>
      `${label.padStart(wide)} ${barOf(count, most)} ${count}`.replace(/ {2,}(?=\d+$)/, " "),
    )
    .join("\n");
}

/**
 * How a figure went, as a line of blocks from its least to its most, with both at the end: a block alone says
 * nothing of its size. A gap is a run without the figure; `│` stands before each of the `marks`.
 */
export function sparkline(
  values: readonly (number | undefined)[],
  format: (value: number) => string = String,
  marks: readonly number[] = [],
): string {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return "";
  const [least, most] = [Math.min(...known), Math.max(...known)];
  // Of equal values there is no least and most: all stand in the middle.
  const blocks =
    least === most
      ? values.map((value) => (value === undefined ? " " : "▄")).join("")
      : sparkly(
          values.map((value) => value ?? ""),
          { minimum: least, maximum: most },
        );
  const line = [...blocks].map((block, i) => (marks.includes(i) ? `│${block}` : block)).join("");
  return least === most ? `${line} ${format(least)}` : `${line} ${format(least)} – ${format(most)}`;
}

/** A bar for each value on a logarithmic scale, for values that differ by orders of magnitude. */
export function logBars(
  rows: readonly { label: string; value: number }[],
  show: (value: number) => string,
): string {
  const logs = rows.map(({ value }) => Math.log10(Math.max(1, value)));
  const [low, high] = [Math.floor(Math.min(...logs)), Math.max(...logs)];
  const wide = Math.max(0, ...rows.map(({ label }) => label.length));
  return rows
    .map(({ label, value }, i) => {
      const bar = barOf(Math.max(0.01, logs[i] - low), Math.max(0.01, high - low));
      return `${label.padStart(wide)} ${bar} ${show(value)}`;
    })
    .join("\n");
}
