/** UDP loss: against the rate where a record has several, else by variant. */

import { html } from "../../pages/html.ts";
import { type CellSamples, median, severalServers } from "../record/cells.ts";
import type { Sample } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import { type Chart, color, type Frame, figure, ink, logScale, Plot } from "./chart.ts";
import { crossKeys, rowLayout, rowNames, sampleKey, samplePoints, seriesKey, seriesLine } from "./marks.ts";
import type { Section, Source } from "./section.ts";
import { percent, rate } from "./units.ts";

type Point = { rate: number; share: number; valid: boolean; series: string; words: string };
type Series = { name: string; points: Point[]; steps: { rate: number; share: number }[] };

const isDatagram = ({ protocol, target }: Sample): boolean =>
  target.startsWith("udp:") || protocol === "relay" || protocol.endsWith("/udp");

/** What was sent per second: as measured, else as asked for; a closed loop has neither. */
const rateOf = ({ metrics, parameters }: Sample): number =>
  metrics.achievedRate ?? (typeof parameters.rate === "number" ? parameters.rate : 0);

/** The variant without its rate, so that steps of a ladder are one line. */
function seriesName({ variant, samples, server }: CellSamples, several: boolean): string {
  const asked = samples[0].parameters.rate;
  const words = variant.split(" ").filter((word) => word !== String(asked) && word !== `${asked}/s`);
  return [...words, ...(several ? [`· ${server}`] : [])].join(" ");
}

function pointOf(sample: Sample, series: string): Point[] {
  const share = sample.metrics.lossShare;
  if (share === undefined) return [];
  const at = rateOf(sample);
  const words = `${series}${at > 0 ? `, ${rate(at)}` : ""}: ${percent(share)} lost`;
  return [{ rate: at, share, valid: isValid(sample), series, words }];
}

function seriesOf({ groups, record }: Source): Series[] {
  const having = groups.filter(({ samples }) =>
    samples.some((sample) => isDatagram(sample) && sample.metrics.lossShare !== undefined),
  );
  return [...Map.groupBy(having, (group) => seriesName(group, severalServers(record)))].map(([name, of]) => ({
    name,
    points: of.flatMap(({ samples }) => samples.flatMap((sample) => pointOf(sample, name))),
    steps: of
      .flatMap(({ valid }) => {
        const share = median(valid.flatMap(({ metrics }) => metrics.lossShare ?? []));
        const at = median(valid.map(rateOf));
        return share === undefined || at === undefined ? [] : [{ rate: at, share }];
      })
      .sort((a, b) => a.rate - b.rate),
  }));
}

/** Loss runs from zero, and a scale of a thousandth would make much of nothing. */
const shareScale = (points: Point[]): Plot.ScaleOptions => ({
  domain: [0, points.reduce((most, { share }) => Math.max(most, share), 0.01) * 1.08],
  ticks: 5,
  tickFormat: percent,
  grid: true,
});

function drawByRate(series: Series[], { narrow }: Frame): Plot.PlotOptions {
  const points = series.flatMap(({ points }) => points);
  const rates = points.map(({ rate }) => rate);
  return {
    height: narrow ? 250 : 300,
    marginLeft: 52,
    marginBottom: 40,
    marginRight: 24,
    x: logScale(rates, rate, "messages sent →", narrow),
    y: { ...shareScale(points), label: "deliveries lost ↑" },
    marks: [
      ...series.flatMap(({ steps, points }, i) => [
        seriesLine(steps, "rate", "share", i),
        ...samplePoints(points, "rate", "share", color(i)),
      ]),
    ],
  };
}

function drawByVariant(series: Series[], { narrow }: Frame): Plot.PlotOptions {
  const points = series.flatMap(({ points }) => points);
  const rows = { names: series.map(({ name }) => name), narrow };
  return {
    ...rowLayout(rows),
    marginTop: 10,
    marginBottom: 40,
    x: { ...shareScale(points), label: "deliveries lost →" },
    marks: [
      Plot.ruleX([0], { stroke: ink.muted }),
      ...rowNames(rows),
      ...samplePoints(points, "share", "series", color(0)),
    ],
  };
}

function chartOf(series: Series[], byRate: boolean): Chart {
  const points = series.flatMap(({ points }) => points);
  const worst = points.reduce((a, b) => (b.share > a.share ? b : a));
  const said =
    worst.share === 0
      ? "Nothing was lost in any sample."
      : `At worst ${percent(worst.share)}: ${worst.series}.`;
  return {
    title: byRate ? "Loss by rate" : "Loss by variant",
    sentence: html`The share of expected deliveries that never came. ${said} <b>Look for</b> ${
      byRate ? "the rate at which a line leaves zero" : "points away from zero"
    }: UDP does not slow a sender down, so that what a server cannot take is gone. A red cross is a discarded sample: that loss may be the load generator’s own.`,
    label: `Share of deliveries lost ${byRate ? "against the rate of sending" : "by variant"}. ${said}`,
    keys: [...(byRate ? series.map(({ name }, i) => seriesKey(name, i)) : [sampleKey]), ...crossKeys(points)],
    draw: (frame) => (byRate ? drawByRate(series, frame) : drawByVariant(series, frame)),
    data: {
      head: ["variant", "messages sent", "lost", "valid"],
      rows: points.map(({ series, rate: at, share, valid }) => [
        series,
        at > 0 ? rate(at) : "as many as it takes",
        percent(share),
        valid ? "yes" : "no",
      ]),
    },
  };
}

export const loss: Section = {
  id: "loss",
  title: "UDP loss",
  render(source) {
    const series = seriesOf(source);
    if (series.length === 0) return undefined;
    const ladders = series.filter(
      ({ steps }) => new Set(steps.map(({ rate }) => rate)).size > 1 && steps[0].rate > 0,
    );
    const others = series.filter((one) => !ladders.includes(one));
    return html`${ladders.length > 0 && figure(chartOf(ladders, true))}${others.length > 0 && figure(chartOf(others, false))}`;
  },
};
