/** Capacity: latency against the rate or the size of the room, with the answer of the search and the knee. */

import { html } from "../../pages/html.ts";
import { median } from "../record/cells.ts";
import type { RunRecord } from "../record/record.ts";
import { type Chart, color, dashes, type Frame, figure, ink, type Key, logScale, Plot } from "./chart.ts";
import { namedPlace } from "./marks.ts";
import type { Section } from "./section.ts";
import { count, percent, rate, time } from "./units.ts";

type Capacity = NonNullable<RunRecord["capacity"]>;
type Step = Capacity["steps"][number];
type Fate =
  | "held"
  | "not held"
  | "the load generator was the limit"
  | "does not count: the machine was in the way";

const fates: Record<
  Fate,
  { color: string; symbol: Plot.SymbolType; shape: NonNullable<Key["look"]["shape"]> }
> = {
  held: { color: color(0), symbol: "circle", shape: "dot" },
  "not held": { color: ink.bad, symbol: "times", shape: "cross" },
  "the load generator was the limit": { color: color(1), symbol: "triangle", shape: "triangle" },
  "does not count: the machine was in the way": { color: ink.muted, symbol: "square", shape: "square" },
};

const fateOf = ({ met, clientLimited, hidden }: Step): Fate =>
  hidden
    ? "does not count: the machine was in the way"
    : clientLimited
      ? "the load generator was the limit"
      : met
        ? "held"
        : "not held";

type Percentile = "p50" | "p99";

type Point = { value: number; latency: number; fate: Fate; words: string };

/** What is on the axis: messages per second, or members of the room. */
const unitOf = ({ grow }: Capacity): ((value: number) => string) => (grow === "rate" ? rate : count);

function pointsOf(capacity: Capacity, p: Percentile): Point[] {
  const unit = unitOf(capacity);
  return capacity.steps.flatMap((step) => {
    const latency = step[p];
    if (latency === null || latency <= 0 || step.value <= 0) return [];
    const words = `${unit(step.value)}: ${p} ${time(latency)}\n${step.unmet.join("\n") || "the objective held"}`;
    return [{ value: step.value, latency, fate: fateOf(step), words }];
  });
}

/** Medians of each value: the curve, whichever of its points held. */
const curveOf = (points: Point[]): { value: number; latency: number }[] =>
  [...Map.groupBy(points, ({ value }) => String(value))]
    .map(([, of]) => ({ value: of[0].value, latency: median(of.map(({ latency }) => latency))! }))
    .sort((a, b) => a.value - b.value);

/** The two places that the search found; where they are one, they are named together. */
function places({ answer, knee, ...capacity }: Capacity): { value: number; name: string }[] {
  const unit = unitOf({ answer, knee, ...capacity });
  if (answer && answer.value === knee) return [{ value: knee, name: `answer and knee: ${unit(knee)}` }];
  return [
    ...(answer ? [{ value: answer.value, name: `answer: ${unit(answer.value)}` }] : []),
    ...(knee ? [{ value: knee, name: `knee: ${unit(knee)}` }] : []),
  ];
}

const fateMarks = (points: Point[], fate: Fate): Plot.Markish =>
  Plot.dot(
    points.filter((point) => point.fate === fate),
    {
      x: "value",
      y: "latency",
      symbol: fates[fate].symbol,
      stroke: fates[fate].color,
      strokeWidth: 1.75,
      r: 4,
      title: "words",
    },
  );

const lineOf = (points: Point[], look: { strokeWidth: number; strokeDasharray: string }): Plot.Markish =>
  Plot.line(curveOf(points), { x: "value", y: "latency", stroke: color(0), ...look });

function draw(capacity: Capacity, { narrow }: Frame): Plot.PlotOptions {
  const [p50, p99] = (["p50", "p99"] as const).map((p) => pointsOf(capacity, p));
  const points = [...p50, ...p99];
  const found = places(capacity);
  const values = [...points, ...found].map(({ value }) => value);
  const latencies = points.map(({ latency }) => latency);
  const middle = Math.sqrt(Math.min(...values) * Math.max(...values));
  const axis = capacity.grow === "rate" ? "rate asked for →" : "connections →";
  return {
    height: narrow ? 290 : 360,
    marginLeft: 58,
    marginBottom: 40,
    marginTop: 26 + found.length * 15,
    marginRight: 24,
    x: logScale(values, unitOf(capacity), axis, narrow),
    y: logScale(latencies, time, "latency ↑"),
    marks: [
      ...found.flatMap(({ value, name }, i) =>
        namedPlace(value, name, { toLeft: value > middle, dy: -12 - 15 * i }),
      ),
      lineOf(p50, { strokeWidth: 1.25, strokeDasharray: dashes.dashed }),
      lineOf(p99, { strokeWidth: 2.25, strokeDasharray: dashes.solid }),
      ...(Object.keys(fates) as Fate[]).map((fate) => fateMarks(points, fate)),
    ],
  };
}

const limits: Record<Capacity["limit"], string> = {
  server: "The server was the limit",
  client: "The load generator was the limit, not the server (add fleets, or take another machine for them)",
  "none found": "No limit was found",
};

const limitWords = ({ limit, evidence = [] }: Capacity) =>
  `${limits[limit]}${evidence.length > 0 ? `: ${evidence.join("; ")}` : ""}.`;

function verdict(capacity: Capacity): string {
  const { answer, objective, unjudged } = capacity;
  if (unjudged !== undefined) return `${unjudged}.`;
  if (!answer) return `At no value did ${objective} hold in most samples. ${limitWords(capacity)}`;
  return `${objective} held at ${unitOf(capacity)(answer.value)} in ${answer.held} of ${answer.of} samples. ${limitWords(capacity)}`;
}

function chartOf(capacity: Capacity): Chart {
  const unit = unitOf(capacity);
  const met = (Object.keys(fates) as Fate[]).filter((fate) =>
    capacity.steps.some((step) => fateOf(step) === fate),
  );
  const latency = (value: number | null) => (value === null ? "–" : time(value));
  return {
    title: `${capacity.protocol} on ${capacity.server}`,
    sentence: html`${verdict(capacity)} <b>Look for</b> the knee: up to it more ${
      capacity.grow === "rate" ? "rate" : "members"
    } cost little, behind it a queue grows.${
      capacity.knee !== null && ` The median latency doubles behind ${unit(capacity.knee)}.`
    }`,
    label: `Latency against ${capacity.grow}. ${verdict(capacity)}`,
    keys: [
      { name: "p99", look: { color: color(0), shape: "solid" } },
      { name: "p50", look: { color: color(0), shape: "dashed" } },
      ...met.map(
        (fate): Key => ({ name: fate, look: { color: fates[fate].color, shape: fates[fate].shape } }),
      ),
    ],
    draw: (frame) => draw(capacity, frame),
    data: {
      head: [capacity.grow, "p50", "p99", "lost", "server busy", "for", "objective"],
      rows: capacity.steps.map((step) => [
        unit(step.value),
        latency(step.p50),
        latency(step.p99),
        percent(step.loss),
        step.serverBusy === null ? "–" : percent(step.serverBusy),
        step.purpose,
        step.met ? "held" : [...step.unmet, ...(step.evidence ?? []).map(({ words }) => words)].join("; "),
      ]),
    },
  };
}

export const capacity: Section = {
  id: "capacity",
  title: "Capacity",
  render({ record: { capacity } }) {
    if (!capacity) return undefined;
    const values = new Set(pointsOf(capacity, "p50").map(({ value }) => value));
    return values.size > 1 ? figure(chartOf(capacity)) : html`<p>${verdict(capacity)}</p>`;
  },
};
