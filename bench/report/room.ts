/** What a larger room costs: deliveries per second, p99 and the spread over the number of connections. */

import { html } from "../../pages/html.ts";
import { type CellSamples, median, severalServers, valuesOf } from "../record/cells.ts";
import type { Sample } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import { type Chart, color, type Frame, grid, logAxis, logScale, type Plot } from "./chart.ts";
import { byName } from "./data.ts";
import { crossKeys, samplePoints, seriesKey, seriesLine } from "./marks.ts";
import type { Section, Source } from "./section.ts";
import { count, rate, time } from "./units.ts";

/** Variants that differ only in the number of connections, at one server. */
type Family = { name: string; samples: Sample[] };
type Step = { connections: number; value: number };

const connectionsOf = (sample: Sample): number => Number(sample.parameters.connections);

/** The variant without its number of connections: "tcp 100 open" becomes "tcp open". */
function familyName({ variant, server, scenario, samples }: CellSamples, several: boolean): string {
  const size = String(samples[0].parameters.connections);
  const words = variant.split(" ").filter((word) => word !== size);
  return [scenario, ...words, ...(several ? [`· ${server}`] : [])].join(" ");
}

function familiesOf({ groups, record }: Source, metric: string): Family[] {
  const several = severalServers(record);
  const having = groups.filter(
    ({ samples, scenario }) =>
      scenario !== "capacity" &&
      typeof samples[0].parameters.connections === "number" &&
      samples.some(({ metrics }) => metrics[metric] !== undefined),
  );
  return [...Map.groupBy(having, (group) => familyName(group, several))]
    .map(([name, of]) => ({ name, samples: of.flatMap(({ samples }) => samples) }))
    .filter(({ samples }) => new Set(samples.map(connectionsOf)).size > 1)
    .sort((a, b) => byName(a.name, b.name));
}

const stepsOf = ({ samples }: Family, metric: string): Step[] =>
  [...Map.groupBy(samples.filter(isValid), (sample) => String(connectionsOf(sample)))]
    .flatMap(([connections, of]) => {
      const value = median(valuesOf(of, metric));
      return value === undefined ? [] : [{ connections: Number(connections), value }];
    })
    .sort((a, b) => a.connections - b.connections);

type Plan = {
  metrics: string[];
  title: string;
  sentence: string;
  format: (value: number) => string;
  axis: string;
  /** Which samples: a rate that was asked for says nothing about how fast the server could be. */
  loop?: "open" | "closed";
};

const plans: Plan[] = [
  {
    metrics: ["deliveryRate"],
    title: "Deliveries per second by room size",
    sentence:
      "Each point is a sample, the line goes through the medians. Look for where the line stops being level: until there a larger room costs nothing but its deliveries.",
    format: rate,
    axis: "verified deliveries",
    loop: "closed",
  },
  {
    metrics: ["delivery.p99", "last.p99"],
    title: "Latency p99 by room size",
    sentence:
      "At the rate that was asked for. A line that rises faster than the room grows shows a server that falls behind, not one that has more to do.",
    format: time,
    axis: "p99",
    loop: "open",
  },
  {
    metrics: ["spread.p50", "spread.p99"],
    title: "First to last receiver by room size",
    sentence:
      "How much longer the last member waits than the first for the same message. It should grow with the room; look for a p99 that leaves its p50 behind.",
    format: time,
    axis: "spread",
    loop: "open",
  },
];

type Curve = { name: string; family: Family; metric: string; steps: Step[] };

type Point = { connections: number; value: number; valid: boolean; words: string };

/** Nothing has no place on a logarithmic axis; the sentence under the title names where there was nothing. */
const pointsOf = ({ family, metric, name }: Curve, format: Plan["format"]): Point[] =>
  family.samples.flatMap((sample) => {
    const value = sample.metrics[metric];
    if (value === undefined || value <= 0) return [];
    const connections = connectionsOf(sample);
    const words = `${name}, ${count(connections)}: ${format(value)}`;
    return [{ connections, value, valid: isValid(sample), words }];
  });

/** Labels that would touch are left out. */
function labelled(sizes: number[], narrow: boolean): number[] {
  const room = Math.log(sizes[sizes.length - 1] / sizes[0]) / (narrow ? 7 : 16);
  return sizes.filter((size, i) => sizes.slice(0, i).every((earlier) => Math.log(size / earlier) > room));
}

function draw(curves: Curve[], { format, axis }: Plan, { narrow }: Frame): Plot.PlotOptions {
  const points = curves.map((curve) => pointsOf(curve, format));
  const sizes = [...new Set(points.flat().map(({ connections }) => connections))].sort((a, b) => a - b);
  return {
    height: narrow ? 260 : 320,
    marginLeft: 60,
    marginBottom: 40,
    marginRight: 24,
    x: logAxis(
      [sizes[0], sizes[sizes.length - 1]],
      labelled(sizes, narrow),
      count,
      "connections in the room →",
    ),
    y: logScale(
      points.flat().map(({ value }) => value),
      format,
      `${axis} ↑`,
    ),
    marks: curves.flatMap(({ steps }, i) => [
      seriesLine(
        steps.filter(({ value }) => value > 0),
        "connections",
        "value",
        i,
      ),
      ...samplePoints(points[i], "connections", "value", color(i)),
    ]),
  };
}

const curvesOf = ({ metrics, loop }: Plan, source: Source): Curve[] =>
  metrics.flatMap((metric) =>
    familiesOf(source, metric).flatMap(({ name, samples }) => {
      const family = {
        name: metrics.length > 1 ? `${name} · ${source.metrics.get(metric)?.label ?? metric}` : name,
        samples: samples.filter(
          ({ parameters }) => parameters.loop === undefined || parameters.loop === loop,
        ),
      };
      const steps = stepsOf(family, metric);
      return steps.length > 1 ? [{ name: family.name, family, metric, steps }] : [];
    }),
  );

function chartOf(plan: Plan, source: Source): Chart[] {
  const curves = curvesOf(plan, source);
  if (curves.length === 0) return [];
  const said = curves.map(({ name, steps }) => {
    const [from, to] = [steps[0], steps[steps.length - 1]];
    return `${name}: ${plan.format(from.value)} at ${count(from.connections)} connections, ${plan.format(to.value)} at ${count(to.connections)}`;
  });
  const nothing = curves.flatMap(({ name, steps }) =>
    steps.filter(({ value }) => value === 0).map(({ connections }) => `${name} at ${count(connections)}`),
  );
  return [
    {
      title: plan.title,
      sentence: `${plan.sentence}${nothing.length > 0 ? ` A median of 0 has no point: ${nothing.join(", ")}.` : ""}`,
      label: `${plan.title}. ${said.join("; ")}.`,
      keys: [
        ...curves.map(({ name }, i) => seriesKey(name, i)),
        ...crossKeys(curves.flatMap((curve) => pointsOf(curve, plan.format))),
      ],
      draw: (frame) => draw(curves, plan, frame),
      data: {
        head: ["", "connections", "median", "samples"],
        rows: curves.flatMap(({ name, family, steps }) =>
          steps.map(({ connections, value }) => [
            name,
            count(connections),
            plan.format(value),
            String(
              family.samples.filter((sample) => isValid(sample) && connectionsOf(sample) === connections)
                .length,
            ),
          ]),
        ),
      },
    },
  ];
}

export const room: Section = {
  id: "room",
  title: "Fan-out by room size",
  render(source) {
    const charts = plans.flatMap((plan) => chartOf(plan, source));
    return charts.length === 0 ? undefined : html`${grid(charts)}`;
  },
};
