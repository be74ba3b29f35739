/** Small plots for the terminal. */

const WIDTH = 40;
/** Counts from here on share a bar with their neighbours, twice as many for each further bar. */
const SINGLE = 4;

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
    .map(
      ({ label, count }) =>
        `${label.padStart(wide)} ${"█".repeat(Math.ceil((count / most) * WIDTH))} ${count}`,
    )
    .join("\n");
}
