/** Latency as percentile curves: one line a kind of latency, in each variant; and servers beside each other. */

import { html } from "../../pages/html.ts";
import { type CellSamples, serverLabel } from "../record/cells.ts";
import { clockNotes } from "../record/machines.ts";
import { latencyHistograms, type Metrics } from "../record/metrics.ts";
import type { Sample } from "../record/record.ts";
import { type Chart, color, type Frame, grid, ink, logAxis, logDomain, logTicks, Plot } from "./chart.ts";
import { type CurvePoint, curveOf, histogramOf, nameOf, percentilesOf } from "./data.ts";
import { seriesKey, seriesLine } from "./marks.ts";
import type { Section, Source } from "./section.ts";
import { time } from "./units.ts";

type Line = {
  name: string;
  /** The histogram that it is of. */
  kind: string;
  curve: CurvePoint[];
  each: CurvePoint[][];
  percentiles: (number | undefined)[];
  values: number;
};

function lineOf(name: string, samples: Sample[], kind: string): Line | undefined {
  const all = histogramOf(samples, kind);
  if (!all) return undefined;
  const each = samples.flatMap((sample) => {
    const one = histogramOf([sample], kind);
    return one ? [curveOf(one)] : [];
  });
  return { name, kind, curve: curveOf(all), each, percentiles: percentilesOf(all), values: all.totalCount };
}

/** 1 / (1 - p) as the percentile it stands for. */
const percentileName = (beyond: number): string => `p${String(Number((100 - 100 / beyond).toFixed(6)))}`;

const tickCandidates = [2, 10, 100, 1e3, 1e4, 1e5, 1e6];

/** A floor far below the curves is said under the plots; its band would take their room. */
const isNear = (floor: number | undefined, values: number[]): floor is number =>
  floor !== undefined &&
  floor > values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY) / 8;

function floorMarks(floor: number, least: number, farthest: number): Plot.Markish[] {
  return [
    Plot.rect([0], { x1: 1, x2: farthest, y1: least, y2: floor, fill: ink.muted, fillOpacity: 0.12 }),
    Plot.text(["below: the harness's own"], {
      x: farthest,
      y: floor,
      textAnchor: "end",
      dy: 9,
      dx: -4,
      fill: ink.muted,
      fontSize: 10,
    }),
  ];
}

/** The samples one by one, thin, under the line that joins them; a single one is that line. */
function sampleLines({ each }: Line, n: number): Plot.Markish[] {
  if (each.length < 2) return [];
  const points = each.flatMap((curve, sample) => curve.map((point) => ({ ...point, sample })));
  const look = { stroke: color(n), strokeWidth: 0.75, strokeOpacity: 0.4 };
  return [Plot.line(points, { x: "beyond", y: "value", z: "sample", ...look })];
}

function curves(lines: Line[], floor: number | undefined, { narrow }: Frame): Plot.PlotOptions {
  const farthest = lines
    .flatMap(({ curve }) => curve)
    .reduce((most, { beyond }) => Math.max(most, beyond), 10);
  const values = lines.flatMap(({ curve, each }) => [curve, ...each].flat().map(({ value }) => value));
  const near = isNear(floor, values);
  const domain = logDomain(near ? [...values, floor / 2] : values);
  return {
    height: narrow ? 260 : 340,
    marginLeft: 56,
    marginBottom: 40,
    marginRight: 24,
    x: logAxis(
      [1, farthest],
      tickCandidates.filter((tick) => tick <= farthest * 1.01),
      percentileName,
      "share of values at or below →",
    ),
    y: logAxis(domain, logTicks(...domain), time, "latency ↑"),
    marks: [
      ...(near ? floorMarks(floor, domain[0], farthest) : []),
      ...lines.flatMap(sampleLines),
      ...lines.map(({ curve }, i) => seriesLine(curve, "beyond", "value", i)),
    ],
  };
}

const heads = ["p50", "p90", "p99", "p99.9", "p99.99"];

function chartOf(
  title: string,
  sentence: string,
  lines: Line[],
  floor: number | undefined,
  small: boolean,
): Chart {
  const words = lines.map(
    ({ name, percentiles: [p50, , p99] }) =>
      `${name}: ${p50 === undefined ? "too few values" : `p50 ${time(p50)}`}${p99 === undefined ? "" : `, p99 ${time(p99)}`}`,
  );
  return {
    title,
    sentence,
    label: `Percentile curves, ${title}. ${words.join("; ")}.`,
    keys: lines.map(({ name }, i) => seriesKey(name, i)),
    draw: (frame) => curves(lines, floor, frame),
    small,
    data: {
      head: ["", ...heads, "values"],
      rows: lines.map(({ name, percentiles, values }) => [
        name,
        ...percentiles.map((value) => (value === undefined ? "–" : time(value))),
        values.toLocaleString("en"),
      ]),
    },
  };
}

/** Each server in a few words. */
const beside = (lines: Line[]): string =>
  `${lines
    .map(({ name, percentiles: [p50, , p99] }) =>
      p50 === undefined
        ? `${name}: too few values`
        : `${name}: half within ${time(p50)}${p99 === undefined ? "" : `, 99 of 100 within ${time(p99)}`}`,
    )
    .join("; ")}.`;

/** What the curves of one figure say, by its first line and, if there is one, the spread. */
function findings([first, ...others]: Line[]): string {
  const [p50, , p99] = first.percentiles;
  if (p50 === undefined) return `Too few values of ${first.name} for any percentile.`;
  const spread = others.find(({ kind }) => kind === "spread")?.percentiles[0];
  return [
    `${first.name[0].toUpperCase()}${first.name.slice(1)}: half within ${time(p50)}`,
    p99 === undefined ? "" : `, 99 of 100 within ${time(p99)}`,
    spread === undefined ? "" : `; the last receiver comes ${time(spread)} after the first`,
    ".",
  ].join("");
}

function kindsChart(group: CellSamples, title: string, { record, metrics }: Source, small: boolean): Chart[] {
  const lines = [...latencyHistograms(metrics)].flatMap(
    ([kind, name]) => lineOf(name, group.valid, kind) ?? [],
  );
  if (lines.length === 0) return [];
  return [chartOf(title, findings(lines), lines, record.calibration?.roundTrip.fleet, small)];
}

/** What stands for a cell where servers are beside each other: the first of the kinds that one of them has. */
const mainKind = (of: readonly CellSamples[], metrics: Metrics) =>
  [...latencyHistograms(metrics)].find(([kind]) => of.some((group) => histogramOf(group.valid, kind)));

function serversCharts({ groups, record, metrics }: Source): Chart[] {
  return [...Map.groupBy(groups, nameOf)].flatMap(([name, of]) => {
    if (of.length < 2) return [];
    const main = mainKind(of, metrics);
    if (!main) return [];
    const [kind, label] = main;
    const lines = of.flatMap((group) => lineOf(serverLabel(group.server), group.valid, kind) ?? []);
    if (lines.length < 2) return [];
    const title = `${name}: ${label}, by server`;
    return [chartOf(title, beside(lines), lines, record.calibration?.roundTrip.fleet, true)];
  });
}

export const latency: Section = {
  id: "latency",
  title: "Latency",
  render(source) {
    const { groups, name, record, metrics } = source;
    const servers = serversCharts(source);
    const each = groups.flatMap((group) => kindsChart(group, name(group), source, true));
    if (servers.length + each.length === 0) {
      const measured = record.samples.some(({ histograms }) =>
        [...latencyHistograms(metrics).keys()].some((kind) => histograms[kind]),
      );
      return measured
        ? html`<p>All samples with a latency were discarded: there is no curve to draw. The verdicts say why.</p>`
        : undefined;
    }
    return html`<p>Each curve says how long it took until a share of the values had come: half at p50, all but one in a
thousand at p99.9. The axis grows by decades of “all but one in…”, so that the tail has room. <b>Look for</b> a
curve that stays flat to the right, and for the distance between the first and the last receiver: it is what the
slowest member of a room waits longer than the luckiest. The thin lines are single samples; where they part,
the tail is noise. A curve ends where fewer than ten values lie beyond. Only valid samples are drawn.${
      record.calibration &&
      ` Below ${time(record.calibration.roundTrip.fleet)}, in the grey band where a plot reaches so far, a latency is the harness’s own.`
    }</p>
${clockNotes(record.samples).map((note) => html`<p>${note}.</p>`)}
${
  servers.length > 0
    ? html`${grid(servers)}<details class="more"><summary>First and last receiver, by variant and server (${each.length} plots)</summary>${grid(each)}</details>`
    : grid(each)
}`;
  },
};
