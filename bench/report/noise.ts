/** Samples as points: how much the same measurement differs from itself, and whether the machine drifted. */

import { html } from "../../pages/html.ts";
import { type CellSamples, medianOf } from "../record/cells.ts";
import { headlineOf, type Metric, type Metrics } from "../record/metrics.ts";
import { isValid } from "../record/validity.ts";
import { type Chart, color, type Frame, figure, ink, logAxis, Plot } from "./chart.ts";
import { crossKeys, rowLayout, rowNames, sampleKey, samplePoints } from "./marks.ts";
import type { Section, Source } from "./section.ts";
import { describeValue, percent, ratio } from "./units.ts";

type Point = { row: string; ratio: number; order: number; valid: boolean; words: string };
type Row = { name: string; group: CellSamples; metric: Metric; middle: number; points: Point[] };

function rowOf(group: CellSamples, name: string, metrics: Metrics): Row[] {
  const metric = headlineOf(group.samples, metrics);
  if (!metric) return [];
  // Where no sample counts, the points still show where they lie to each other.
  const middle = medianOf(group.valid, metric.key) ?? medianOf(group.samples, metric.key);
  if (!middle || middle <= 0) return [];
  const points = group.samples.flatMap((sample) => {
    const value = sample.metrics[metric.key];
    if (value === undefined || value <= 0) return [];
    const why = sample.invalid.map(({ rule }) => rule).join(", ");
    const words = `${name}\n${metric.label}: ${describeValue(metric, value)}${why && `\ndiscarded: ${why}`}`;
    return [{ row: name, ratio: value / middle, order: sample.order, valid: isValid(sample), words }];
  });
  return points.length > 1 ? [{ name, group, metric, middle, points }] : [];
}

/** The axis of ratios: even steps around 1, and never narrower than a tenth, so that calm looks calm. */
function ratioScale(points: Point[]): Plot.ScaleOptions {
  const farthest = points.reduce(
    (most, { ratio }) => Math.max(most, Math.abs(Math.log(ratio))),
    Math.log(1.12),
  );
  const edge = Math.exp(farthest * 1.05);
  const candidates = [1.05, 1.1, 1.2, 1.5, 2, 3, 5, 10, 30, 100, 1000];
  const most = candidates.filter((tick) => tick <= edge);
  const chosen = most.slice(-2);
  return logAxis(
    [1 / edge, edge],
    [...chosen.map((tick) => 1 / tick).reverse(), 1, ...chosen],
    (tick) => (tick === 1 ? "median" : tick > 1 ? `×${tick}` : `÷${Number((1 / tick).toFixed(2))}`),
    null,
  );
}

function strip(rows: Row[], { narrow }: Frame): Plot.PlotOptions {
  const points = rows.flatMap(({ points }) => points);
  const layout = { names: rows.map(({ name }) => name), narrow };
  return {
    ...rowLayout(layout),
    marginTop: 10,
    marginBottom: 36,
    x: ratioScale(points),
    marks: [
      Plot.ruleX([1], { stroke: ink.muted }),
      ...rowNames(layout),
      ...samplePoints(points, "ratio", "row", color(0)),
    ],
  };
}

function drift(rows: Row[], { narrow }: Frame): Plot.PlotOptions {
  const points = rows.flatMap(({ points }) => points);
  return {
    height: narrow ? 220 : 260,
    marginLeft: 56,
    marginBottom: 40,
    x: {
      label: "order in the run →",
      tickFormat: (order: number) => (Number.isInteger(order) ? String(order) : ""),
    },
    y: { ...ratioScale(points) },
    marks: [Plot.ruleY([1], { stroke: ink.muted }), ...samplePoints(points, "order", "ratio", color(0))],
  };
}

function spread({ points }: Row): string {
  const ratios = points.filter(({ valid }) => valid).map(({ ratio }) => ratio);
  if (ratios.length < 2) return "–";
  return percent(Math.max(...ratios) / Math.min(...ratios) - 1);
}

function charts(rows: Row[]): Chart[] {
  const points = rows.flatMap(({ points }) => points);
  const invalid = points.filter(({ valid }) => !valid).length;
  const shown = [sampleKey, ...crossKeys(points)];
  const data = {
    head: ["variant", "figure", "median", "spread", "samples"],
    rows: rows.map((row) => [
      row.name,
      row.metric.label,
      describeValue(row.metric, row.middle),
      spread(row),
      `${row.points.filter(({ valid }) => valid).length} of ${row.points.length}`,
    ]),
  };
  return [
    {
      title: "Every sample against its median",
      sentence: html`One point per sample: its tail latency in an open loop, else its rate or its memory. <b>Look for</b>
rows that are wide: a difference smaller than the row is none.${invalid > 0 && " A red cross was discarded, and the verdicts say why."}`,
      label: `${points.length} samples of ${rows.length} variants as points around their medians; ${invalid} were discarded.`,
      keys: shown,
      draw: (frame) => strip(rows, frame),
      data,
    },
    {
      title: "The same in the order of the run",
      sentence: html`<b>Look for</b> a slope or a step: then the machine changed while it measured. Variants are interleaved, so
that such a drift falls on all of them alike.`,
      label: `${points.length} samples in the order in which they were taken, each against the median of its variant.`,
      keys: shown,
      draw: (frame) => drift(rows, frame),
      data: {
        head: ["order", "variant", "against the median"],
        rows: [...points]
          .sort((a, b) => a.order - b.order)
          .map(({ order, row, ratio: value, valid }) => [
            String(order),
            row,
            `${ratio(value)}${valid ? "" : " (discarded)"}`,
          ]),
        numbersFrom: 2,
      },
    },
  ];
}

export const noise: Section = {
  id: "samples",
  title: "Samples",
  render({ groups, name, metrics }: Source) {
    const rows = groups.flatMap((group) => rowOf(group, name(group), metrics));
    return rows.length === 0 ? undefined : html`${charts(rows).map(figure)}`;
  },
};
