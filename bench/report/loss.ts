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
  logDomain,
  logTicks,
  Plot,
  shapes,
} from "./chart.ts";
import { type Group, groupBy, isValid, median, severalServers } from "./data.ts";
import { html } from "./html.ts";
import type { Section, Source } from "./section.ts";
import { percent, rate } from "./units.ts";

type Point = { rate: number; share: number; valid: boolean; color: string; series: string; words: string };
type Series = { name: string; points: Point[]; steps: { rate: number; share: number }[] };

const isDatagram = ({ protocol, target }: Sample): boolean =>
  target.startsWith("udp:") || protocol === "relay" || protocol.endsWith("/udp");

/** What was sent a second: as measured, else as asked for. */
const rateOf = ({ metrics, parameters }: Sample): number | undefined =>
  metrics.achievedRate ?? (typeof parameters.rate === "number" ? parameters.rate : undefined);

/** The variant without its rate, so that steps of a ladder are one line. */
function seriesName({ variant, samples, server }: Group, several: boolean): string {
  const asked = samples[0].parameters.rate;
  const words = variant.split(" ").filter((word) => word !== String(asked) && word !== `${asked}/s`);
  return [...words, ...(several ? [`· ${server}`] : [])].join(" ");
}

function seriesOf({ groups, record }: Source): Series[] {
  const several = severalServers(record);
  const having = groups.filter(({ samples }) =>
    samples.some((sample) => isDatagram(sample) && sample.metrics.lossShare !== undefined && rateOf(sample)),
  );
  return groupBy(having, (group) => seriesName(group, several)).map(([name, of], i) => {
    const points = of.flatMap(({ samples }) =>
      samples.flatMap((sample) => {
        const share = sample.metrics.lossShare;
        const rateValue = rateOf(sample);
        if (share === undefined || !rateValue) return [];
        return [
          {
            rate: rateValue,
            share,
            valid: isValid(sample),
            color: color(i),
            series: name,
            words: `${name}, ${rate(rateValue)}: ${percent(share)} lost`,
          },
        ];
      }),
    );
    const steps = of
      .flatMap(({ valid }) => {
        const share = median(valid.flatMap(({ metrics }) => metrics.lossShare ?? []));
        const at = median(valid.flatMap((sample) => rateOf(sample) ?? []));
        return share === undefined || at === undefined ? [] : [{ rate: at, share }];
      })
      .sort((a, b) => a.rate - b.rate);
    return { name, points, steps };
  });
}

function draw(series: Series[], { narrow }: Frame): Plot.PlotOptions {
  const points = series.flatMap(({ points }) => points);
  const domain = logDomain(points.map(({ rate }) => rate));
  const most = points.reduce((most, { share }) => Math.max(most, share), 0.01);
  return {
    height: narrow ? 250 : 300,
    marginLeft: 52,
    marginBottom: 40,
    marginRight: 24,
    x: {
      type: "log",
      domain,
      ticks: logTicks(...domain),
      tickFormat: rate,
      grid: true,
      label: "messages sent →",
    },
    y: { domain: [0, most * 1.08], ticks: 5, tickFormat: percent, grid: true, label: "↑ deliveries lost" },
    color: { type: "identity" },
    marks: [
      ...series.map(({ steps }, i) =>
        Plot.line(steps, {
          x: "rate",
          y: "share",
          stroke: color(i),
          strokeWidth: 2,
          strokeDasharray: dashes[shapes[i % shapes.length]],
        }),
      ),
      Plot.dot(
        points.filter(({ valid }) => valid),
        { x: "rate", y: "share", stroke: "color", fill: "color", fillOpacity: 0.25, r: 3.5, title: "words" },
      ),
      Plot.dot(
        points.filter(({ valid }) => !valid),
        {
          x: "rate",
          y: "share",
          stroke: ink.bad,
          symbol: "times",
          r: 4.5,
          strokeWidth: 1.75,
          title: "words",
        },
      ),
    ],
  };
}

function chartOf(series: Series[]): Chart {
  const points = series.flatMap(({ points }) => points);
  const keys: Key[] = series.map(({ name }, i) => ({
    name,
    look: { color: color(i), shape: shapes[i % shapes.length] },
  }));
  const said = series.flatMap(({ name, steps }) => {
    const last = steps.at(-1);
    return last ? [`${name}: ${percent(last.share)} lost at ${rate(last.rate)}`] : [];
  });
  return {
    title: "Loss by rate",
    sentence: html`The share of expected deliveries that never came. <b>Look for</b> the rate at which the line leaves
zero: UDP does not slow a sender down, so that what a server cannot take is gone. A red cross is loss that may be the
harness’s own.`,
    label: `Share of deliveries lost against the rate of sending. ${said.join("; ")}.`,
    keys: points.some(({ valid }) => !valid)
      ? [...keys, { name: "does not count", look: { color: ink.bad, shape: "cross" } }]
      : keys,
    draw: (frame) => draw(series, frame),
    data: {
      head: ["variant", "messages sent", "lost", "counts"],
      rows: points.map(({ series, rate: at, share, valid }) => [
        series,
        rate(at),
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
    return series.length === 0 ? undefined : figure(chartOf(series));
  },
};
