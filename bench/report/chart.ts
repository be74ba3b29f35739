/**
 * Figures: a plot, a sentence that says what to look for, and the same data as a table.
 *
 * Observable Plot draws them while the page is made, so that the page needs no script: it knows logarithmic
 * axes, facets and distributions, which a library for dashboards does not. linkedom is the document it draws
 * into, the smallest that can; 0.18.12, because later ones want a package that is not in the registry.
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { type Content, html, type Markup, raw, seen, type Table, table } from "../../pages/html.ts";

export { Plot };

/** How wide a plot is drawn, in CSS pixels: letters keep their size on a phone, where they could not shrink. */
export type Frame = { width: number; narrow: boolean };
const wide: Frame = { width: 760, narrow: false };
const narrow: Frame = { width: 340, narrow: true };

/** A line of the legend: the name, and how the marks look. */
export type Key = { name: string; look: Look };
export type Look = {
  color: string;
  shape?: "solid" | "dashed" | "dotted" | "long" | "dot" | "ring" | "square" | "triangle" | "cross";
};

export type Chart = {
  title: string;
  /** What to look for. */
  sentence: Content;
  /** What there is to see, for those who cannot. */
  label: string;
  keys?: Key[];
  draw: (frame: Frame) => Plot.PlotOptions;
  data: Table;
  /** Two beside each other where there is room, for many of a kind. */
  small?: boolean;
};

/** Series colours stand in the style sheet, which knows light from dark. */
export const color = (index: number): string => `var(--series-${(index % 6) + 1})`;
export const ink = {
  text: "var(--ink)",
  paper: "var(--paper)",
  muted: "var(--muted)",
  rule: "var(--rule)",
  bad: "var(--bad)",
  good: "var(--good)",
};

/** Lines that differ in more than colour. */
export const dashes: Record<string, string> = {
  solid: "none",
  long: "9 3",
  dashed: "5 3",
  dotted: "1.5 3",
};
export const shapes = ["solid", "long", "dashed", "dotted"] as const;

const { document } = parseHTML("<!doctype html><html><body></body></html>");

/** The parts of a drawn element that are used here: the project's types know no DOM. */
type Drawn = {
  outerHTML: string;
  querySelector: (selector: string) => { remove: () => void } | null;
  setAttribute: (name: string, value: string) => void;
};

function drawing(chart: Chart, frame: Frame): Markup {
  const svg = Plot.plot({
    width: frame.width,
    marginRight: 16,
    className: "plot-svg",
    ...chart.draw(frame),
    document: document as unknown as NonNullable<Plot.PlotOptions["document"]>,
  }) as unknown as Drawn;
  // The page's own style sheet says the same once for all, and in dark too.
  svg.querySelector("style")?.remove();
  svg.setAttribute("aria-hidden", "true");
  return raw(seen(svg.outerHTML));
}

const legend = (keys: Key[]): Markup =>
  html`<ul class="legend" aria-hidden="true">${keys.map(
    ({ name, look }) =>
      html`<li><span class="key ${look.shape ?? "solid"}" style="--key:${look.color}"></span>${name}</li>`,
  )}</ul>`;

export function figure(chart: Chart): Markup {
  const frames = chart.small ? [narrow] : [wide, narrow];
  const drawings = frames.map(
    (frame) =>
      html`<div class="${chart.small ? "any" : frame.narrow ? "narrow" : "wide"}">${drawing(chart, frame)}</div>`,
  );
  return html`<figure class="plot${chart.small ? " small" : ""}">
<figcaption><h3>${chart.title}</h3><p>${chart.sentence}</p></figcaption>
${chart.keys && chart.keys.length > 0 && legend(chart.keys)}
<div class="drawing" role="img" aria-label="${chart.label}">${drawings}</div>
<details class="data"><summary>The data as a table</summary>${table(chart.data)}</details>
</figure>`;
}

/** Figures of a kind; small ones share rows. */
export const grid = (charts: Chart[]): Markup => html`<div class="grid">${charts.map(figure)}</div>`;

/** Round numbers of a decade, from many to few. */
const roundNumbers = [
  Array.from({ length: 90 }, (_, i) => (10 + i) / 10),
  [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8],
  [1, 1.5, 2, 3, 5, 7],
  [1, 2, 5],
  [1, 3],
  [1],
];

/** As many round ticks between two values as there is room for, fewer on a short axis. */
export function logTicks(least: number, most: number, few = false): number[] {
  const powers = Array.from(
    { length: Math.ceil(Math.log10(most)) - Math.floor(Math.log10(least)) + 1 },
    (_, i) => i + Math.floor(Math.log10(least)),
  );
  const choices = roundNumbers.map((numbers) =>
    powers
      .flatMap((power) => numbers.map((number) => Number(`${number}e${power}`)))
      .filter((tick) => tick >= least * 0.999 && tick <= most * 1.001),
  );
  return choices.find((ticks) => ticks.length <= (few ? 5 : 8)) ?? choices[choices.length - 1];
}

/** Bounds of a logarithmic axis: the values and a little air, at least a factor of two. */
export function logDomain(values: readonly number[]): [number, number] {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return [1, 10];
  const least = positive.reduce((a, b) => Math.min(a, b));
  const most = positive.reduce((a, b) => Math.max(a, b));
  const air = Math.max((most / least) ** 0.06, most / least < 2 ? 1.5 : 1.05);
  return [least / air, most * air];
}

/** 2.50 ms as 2.5 ms: a tick is exact. */
const shortened = (text: string): string =>
  text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");

/**
 * A logarithmic axis with just these ticks. Plot's own kind leaves out labels that it thinks too many, so the
 * axis is a linear one of logarithms.
 */
export function logAxis(
  domain: readonly [number, number],
  ticks: readonly number[],
  format: (value: number) => string,
  label: string | null,
): Plot.ScaleOptions {
  const names = new Map(ticks.map((tick) => [Math.log10(tick), shortened(format(tick))]));
  return {
    type: "linear",
    transform: Math.log10,
    domain: domain.map(Math.log10),
    ticks: [...names.keys()],
    tickFormat: (place: number) => names.get(place) ?? "",
    label,
    grid: true,
  };
}

/** A logarithmic axis that holds these values; with `few`, ticks for a short one. */
export function logScale(
  values: readonly number[],
  format: (value: number) => string,
  label: string | null,
  few = false,
): Plot.ScaleOptions {
  const domain = logDomain(values);
  return logAxis(domain, logTicks(...domain, few), format, label);
}
