/** The rounds of a comparison one by one: a figure's ratio in each, beside what was concluded from all of them. */
import { html, type Markup } from "../../pages/html.ts";
import type { CellComparison, Comparison, FigureComparison } from "../compare/comparison.ts";
import { changeText, verdictText } from "../compare/words.ts";
import { type Chart, color, type Frame, grid, ink, logAxis, logTicks, Plot } from "./chart.ts";
import { digits } from "./units.ts";

/** More of them stand behind a click. */
const SHOWN = 4;
/** One round alone has no spread, and its ratio is the change. */
const LEAST = 2;

const times = (value: number): string => `×${digits(value)}`;

/** As near as the values allow: what is to be seen is a few percent. */
function domainOf(values: readonly number[]): [number, number] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const air = (most / least) ** 0.1;
  return [least / air, most * air];
}

const WIDE = 3;
const MOST_TICKS = 5;

/** Round steps from × 1 on; of ratios that span more, decades' round numbers. */
function ticksOf([least, most]: readonly [number, number]): number[] {
  if (most / least > WIDE) return logTicks(least, most, true);
  const all = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].map((step) =>
    Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => Number((i * step).toFixed(2))).filter(
      (tick) => tick >= least,
    ),
  );
  return all.find((ticks) => ticks.length <= MOST_TICKS) ?? [1];
}

type Round = { round: number; ratio: number; words: string };

function draw(rounds: Round[], row: FigureComparison, threshold: number, { width }: Frame): Plot.PlotOptions {
  const { estimate, interval } = row.change ?? { estimate: 1, interval: null };
  const edges = [1 / (1 + threshold), 1 + threshold];
  const values = rounds.map((one) => one.ratio);
  // Of two or three rounds an interval can span decades: it ends where the plot does, and the sentence has its ends.
  const domain = domainOf([...values, ...edges]);
  const inside = (value: number) => Math.min(domain[1], Math.max(domain[0], value));
  const span = { x1: 0.5, x2: rounds.length + 0.5 };
  return {
    width,
    height: 200,
    marginLeft: 52,
    marginBottom: 38,
    x: {
      domain: [span.x1, span.x2],
      ticks: rounds.map(({ round }) => round).filter((round) => round % Math.ceil(rounds.length / 10) === 0),
      tickFormat: String,
      label: "round →",
    },
    y: logAxis(domain, ticksOf(domain), times, null),
    marks: [
      Plot.rect([span], { ...span, y1: edges[0], y2: edges[1], fill: ink.muted, fillOpacity: 0.12 }),
      Plot.ruleY([1], { stroke: ink.muted }),
      ...(interval
        ? [
            Plot.rect([span], {
              ...span,
              y1: interval.low,
              y2: interval.high,
              fill: color(0),
              fillOpacity: 0.18,
            }),
          ]
        : []),
      Plot.ruleY([inside(estimate)], { ...span, stroke: color(0), strokeWidth: 2 }),
      Plot.dot(rounds, { x: "round", y: "ratio", stroke: color(0), fill: color(0), r: 3, title: "words" }),
    ],
  };
}

function chartOf({ name }: CellComparison, row: FigureComparison, comparison: Comparison): Chart[] {
  if (!row.tested || !row.ratios || row.ratios.length < LEAST || !row.change) return [];
  const { old, new: now, threshold } = comparison;
  const rounds = row.ratios.map((value, i) => ({
    round: i + 1,
    ratio: value,
    words: `round ${i + 1}: ${times(value)}`,
  }));
  const said = `${changeText(row)}, ${verdictText(row)}`;
  return [
    {
      title: `${name}: ${row.label}`,
      sentence: `${now.name} to ${old.name}: ${said}.`,
      label: `${row.label} of ${now.name} to ${old.name} in ${name}, round by round: ${said}.`,
      draw: (frame) => draw(rounds, row, threshold, frame),
      small: true,
      data: {
        head: ["round", "ratio"],
        rows: rounds.map(({ round, words }) => [`${round}`, words.split(": ")[1]]),
      },
    },
  ];
}

/** Of what was measured in pairs; undefined of records apart, which have none. */
export function roundPlots(comparison: Comparison): Markup | undefined {
  const charts = comparison.cells.flatMap((cell) =>
    cell.rows.flatMap((row) => chartOf(cell, row, comparison)),
  );
  if (charts.length === 0) return undefined;
  const words = html`<p class="note">Each dot is one round, in their order; the line is their mean, the coloured band its interval, the grey band the least change that counts.
<b>Look for</b> dots that climb or fall together: then the machine changed, and the interval, which takes rounds for independent, is too narrow.</p>`;
  const shown = grid(charts);
  return charts.length <= SHOWN
    ? html`${words}${shown}`
    : html`<details class="must more"><summary>The rounds one by one: ${charts.length} figures</summary>${words}${shown}</details>`;
}
