/** UDP loss: against the rate where a record has several, else by variant. */
import type { Sample } from "../record.ts";
import {
  type Chart,
  color,
  dashes,
  type Frame,
  figure,
  ink,
  type Key,
  logScale,
  Plot,
  shapes,
} from "./chart.ts";
import { type Group, groupBy, isValid, median, severalServers } from "./data.ts";
import { html } from "./html.ts";
import type { Section, Source } from "./section.ts";
import { percent, rate } from "./units.ts";

type Point = { rate: number; share: number; valid: boolean; series: string; words: string };
type Series = { name: string; points: Point[]; steps: { rate: number; share: number }[] };

const isDatagram = ({ protocol, target }: Sample): boolean =>
  target.startsWith("udp:") || protocol === "relay" || protocol.endsWith("/udp");

/** What was sent a second: as measured, else as asked for; a closed loop has neither. */
const rateOf = ({ metrics, parameters }: Sample): number =>
  metrics.achievedRate ?? (typeof parameters.rate === "number" ? parameters.rate : 0);

/** The variant without its rate, so that steps of a ladder are one line. */
function seriesName({ variant, samples, server }: Group, several: boolean): string {
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
  return groupBy(having, (group) => seriesName(group, severalServers(record))).map(([name, of]) => ({
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

const crosses = (points: Point[], x: string, y: string): Plot.Markish =>
  Plot.dot(
    points.filter(({ valid }) => !valid),
    { x, y, stroke: ink.bad, symbol: "times", r: 4.5, strokeWidth: 1.75, title: "words" },
  );

const dots = (points: Point[], x: string, y: string, stroke: string): Plot.Markish =>
  Plot.dot(
    points.filter(({ valid }) => valid),
    { x, y, stroke, fill: stroke, fillOpacity: 0.25, r: 3.5, title: "words" },
  );

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
        Plot.line(steps, {
          x: "rate",
          y: "share",
          stroke: color(i),
          strokeWidth: 2,
          strokeDasharray: dashes[shapes[i % shapes.length]],
        }),
        dots(points, "rate", "share", color(i)),
      ]),
      crosses(points, "rate", "share"),
    ],
  };
}

function drawByVariant(series: Series[], { narrow }: Frame): Plot.PlotOptions {
  const points = series.flatMap(({ points }) => points);
  const longest = series.reduce((most, { name }) => Math.max(most, name.length), 0);
  return {
    height: 56 + series.length * 22,
    marginLeft: Math.min(narrow ? 150 : 300, longest * 5.8 + 16),
    marginTop: 10,
    marginBottom: 40,
    x: { ...shareScale(points), label: "deliveries lost →" },
    y: { domain: series.map(({ name }) => name), label: null, tickSize: 0 },
    marks: [
      Plot.ruleX([0], { stroke: ink.muted }),
      dots(points, "share", "series", color(0)),
      crosses(points, "share", "series"),
    ],
  };
}

const cross: Key = { name: "does not count", look: { color: ink.bad, shape: "cross" } };

function chartOf(series: Series[], byRate: boolean): Chart {
  const points = series.flatMap(({ points }) => points);
  const worst = points.reduce((a, b) => (b.share > a.share ? b : a));
  const said =
    worst.share === 0
      ? "Nothing was lost in any sample."
      : `At worst ${percent(worst.share)}: ${worst.series}.`;
  const lines: Key[] = series.map(({ name }, i) => ({
    name,
    look: { color: color(i), shape: byRate ? shapes[i % shapes.length] : "dot" },
  }));
  return {
    title: byRate ? "Loss by rate" : "Loss by variant",
    sentence: html`The share of expected deliveries that never came. ${said} <b>Look for</b> ${
      byRate ? "the rate at which a line leaves zero" : "points away from zero"
    }: UDP does not slow a sender down, so that what a server cannot take is gone. A red cross may be the harness’s own loss.`,
    label: `Share of deliveries lost ${byRate ? "against the rate of sending" : "by variant"}. ${said}`,
    keys: [
      ...(byRate ? lines : [{ name: "one sample", look: { color: color(0), shape: "dot" } } satisfies Key]),
      ...(points.some(({ valid }) => !valid) ? [cross] : []),
    ],
    draw: (frame) => (byRate ? drawByRate(series, frame) : drawByVariant(series, frame)),
    data: {
      head: ["variant", "messages sent", "lost", "counts"],
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
