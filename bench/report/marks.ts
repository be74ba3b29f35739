/** Marks that several plots share, so that a thing looks the same wherever it stands. */
import { color, dashes, ink, type Key, Plot, shapes } from "./chart.ts";

/** The n-th series: its colour, and its dashes for those who do not see colours. */
export const seriesLine = (steps: Plot.Data, x: string, y: string, n: number): Plot.Markish =>
  Plot.line(steps, {
    x,
    y,
    stroke: color(n),
    strokeWidth: 2,
    strokeDasharray: dashes[shapes[n % shapes.length]],
  });

export const seriesKey = (name: string, n: number): Key => ({
  name,
  look: { color: color(n), shape: shapes[n % shapes.length] },
});

/** A sample as a point; `words` are shown by a browser where a pointer rests on it. */
export type SamplePoint = { valid: boolean; words: string };

/** Samples as discs; discarded ones as red crosses. */
export const samplePoints = <T extends SamplePoint>(
  points: readonly T[],
  x: keyof T & string,
  y: keyof T & string,
  stroke: string,
): Plot.Markish[] => [
  Plot.dot(
    points.filter(({ valid }) => valid),
    { x, y, stroke, fill: stroke, fillOpacity: 0.3, r: 3.25, title: "words" },
  ),
  Plot.dot(
    points.filter(({ valid }) => !valid),
    { x, y, stroke: ink.bad, symbol: "times", strokeWidth: 1.75, r: 4, title: "words" },
  ),
];

export const sampleKey: Key = { name: "valid", look: { color: color(0), shape: "dot" } };

/** The key of the crosses, where there is any. */
export const crossKeys = (points: readonly { valid: boolean }[]): Key[] =>
  points.every(({ valid }) => valid) ? [] : [{ name: "discarded", look: { color: ink.bad, shape: "cross" } }];

/** A dashed line at a place that has a name, which stands above the plot or, `inside`, in it. */
export const namedPlace = (
  value: number,
  name: string,
  { toLeft, dy }: { toLeft: boolean; dy: number },
): Plot.Markish[] => [
  Plot.ruleX([value], { stroke: ink.muted, strokeDasharray: "3 3" }),
  Plot.text([name], {
    x: [value],
    frameAnchor: "top",
    dx: toLeft ? -6 : 6,
    dy,
    textAnchor: toLeft ? "end" : "start",
    fontSize: 11,
    fill: ink.text,
  }),
];

/** How a plot with a name for each row is laid out. */
export type Rows = { names: string[]; narrow: boolean };

const LETTER = 5.9;

/**
 * Names stand beside their rows; on a phone above them, where they leave the width to the points. No wider
 * than half of a wide plot: what is longer is cut off by the left edge, and whole in the table.
 */
export function rowLayout({ names, narrow }: Rows): Pick<Plot.PlotOptions, "height" | "marginLeft" | "y"> {
  const longest = names.reduce((most, { length }) => Math.max(most, length), 0);
  return {
    height: 56 + names.length * (narrow ? 34 : 22),
    marginLeft: narrow ? 12 : Math.min(380, longest * LETTER + 14),
    y: { domain: names, label: null, axis: narrow ? null : "left", tickSize: 0 },
  };
}

export const rowNames = ({ names, narrow }: Rows): Plot.Markish[] =>
  narrow
    ? [
        Plot.text(names, {
          y: (name: string) => name,
          text: (name: string) => name,
          frameAnchor: "left",
          textAnchor: "start",
          dy: -13,
          fontSize: 10,
          fill: ink.muted,
          stroke: ink.paper,
          strokeWidth: 4,
        }),
      ]
    : [];
