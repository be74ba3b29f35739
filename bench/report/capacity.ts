/** Capacity: latency against the rate, and the knee behind which it leaves its objective. */
import { type Chart, color, type Frame, figure, ink, logScale, Plot } from "./chart.ts";
import { groupBy, isValid, median } from "./data.ts";
import { html } from "./html.ts";
import type { Section, Source } from "./section.ts";
import { percent, rate, time } from "./units.ts";

type Point = { rate: number; p99: number; lost: number; valid: boolean; words: string };
type Step = { rate: number; p99: number };

function pointsOf(samples: Source["record"]["samples"]): Point[] {
  return samples.flatMap((sample) => {
    const asked = sample.parameters.rate;
    const p99 = sample.metrics["delivery.p99"] ?? sample.metrics["roundTrip.p99"];
    if (typeof asked !== "number" || asked <= 0 || p99 === undefined || p99 <= 0) return [];
    const lost = sample.metrics.lossShare ?? 0;
    const words = `${rate(asked)}: p99 ${time(p99)}${lost > 0 ? `, ${percent(lost)} lost` : ""}`;
    return [{ rate: asked, p99, lost, valid: isValid(sample) && lost === 0, words }];
  });
}

const stepsOf = (points: Point[]): Step[] =>
  groupBy(
    points.filter(({ valid }) => valid),
    ({ rate }) => String(rate),
  )
    .map(([, of]) => ({ rate: of[0].rate, p99: median(of.map(({ p99 }) => p99)) ?? 0 }))
    .sort((a, b) => a.rate - b.rate);

/**
 * The knee: the point farthest below the straight line between the ends of the curve, both axes logarithmic
 * and of unit length (Satopää et al., "Finding a Kneedle in a Haystack", 2011). None where nothing bends.
 */
export function kneeOf(steps: readonly Step[]): Step | undefined {
  if (steps.length < 4) return undefined;
  const [first, last] = [steps[0], steps[steps.length - 1]];
  const width = Math.log(last.rate / first.rate);
  const height = Math.log(last.p99 / first.p99);
  if (width <= 0 || height < Math.log(2)) return undefined;
  const below = ({ rate, p99 }: Step) =>
    Math.log(rate / first.rate) / width - Math.log(p99 / first.p99) / height;
  const knee = steps.reduce((a, b) => (below(b) > below(a) ? b : a));
  return below(knee) > 0.1 ? knee : undefined;
}

function draw(points: Point[], steps: Step[], knee: Step | undefined, { narrow }: Frame): Plot.PlotOptions {
  return {
    height: narrow ? 270 : 340,
    marginLeft: 58,
    marginBottom: 40,
    marginTop: 28,
    marginRight: 24,
    x: {
      ...logScale(
        points.map(({ rate }) => rate),
        rate,
        null,
      ),
      label: "rate asked for →",
    },
    y: {
      ...logScale(
        points.map(({ p99 }) => p99),
        time,
        null,
      ),
      label: "p99 ↑",
    },
    marks: [
      ...(knee
        ? [
            Plot.ruleX([knee.rate], { stroke: ink.muted, strokeDasharray: "3 3" }),
            Plot.text([`knee: ${rate(knee.rate)}`], {
              x: [knee.rate],
              frameAnchor: "top",
              dy: -14,
              fontSize: 11,
              fill: ink.text,
            }),
          ]
        : []),
      Plot.line(steps, { x: "rate", y: "p99", stroke: color(0), strokeWidth: 2 }),
      Plot.dot(
        points.filter(({ valid }) => valid),
        { x: "rate", y: "p99", fill: color(0), fillOpacity: 0.5, r: 3.5, title: "words" },
      ),
      Plot.dot(
        points.filter(({ valid }) => !valid),
        { x: "rate", y: "p99", stroke: ink.bad, symbol: "times", strokeWidth: 1.75, r: 4.5, title: "words" },
      ),
    ],
  };
}

function chartOf(title: string, points: Point[]): Chart {
  const steps = stepsOf(points);
  const knee = kneeOf(steps);
  return {
    title,
    sentence: html`<b>Look for</b> the knee: up to it more rate costs little, behind it a queue grows. ${
      knee
        ? `Here it is at ${rate(knee.rate)}, where p99 is ${time(knee.p99)}.`
        : "Here there is none: the curve does not bend between the lowest rate and the highest."
    }`,
    label: `Latency p99 against the rate, ${title}. ${knee ? `The knee is at ${rate(knee.rate)}.` : "There is no knee."}`,
    keys: [
      { name: "held", look: { color: color(0), shape: "dot" } },
      { name: "lost messages, or does not count", look: { color: ink.bad, shape: "cross" } },
    ],
    draw: (frame) => draw(points, steps, knee, frame),
    data: {
      head: ["rate", "p99", "lost", "counts"],
      rows: [...points]
        .sort((a, b) => a.rate - b.rate)
        .map((point) => [rate(point.rate), time(point.p99), percent(point.lost), point.valid ? "yes" : "no"]),
    },
  };
}

export const capacity: Section = {
  id: "capacity",
  title: "Capacity",
  render({ record }) {
    const samples = record.samples.filter(({ scenario }) => scenario === "capacity");
    const curves = groupBy(
      samples,
      ({ protocol, server, parameters }) =>
        `${protocol} · ${server} · ${parameters.connections ?? "?"} connections`,
    )
      .map(([title, of]) => ({ title, points: pointsOf(of) }))
      .filter(({ points }) => points.length > 1);
    return curves.length === 0
      ? undefined
      : html`${curves.map(({ title, points }) => figure(chartOf(title, points)))}`;
  },
};
