/** The truncation staircase: what arrived of a datagram of each size, and where the boundary is. */

import { html } from "../../pages/html.ts";
import { severalServers } from "../record/cells.ts";
import type { Sample } from "../record/record.ts";
import { type Chart, color, type Frame, grid, ink, type Key, Plot } from "./chart.ts";
import { namedPlace } from "./marks.ts";
import type { Section, Source } from "./section.ts";
import { bytes, count } from "./units.ts";

type Detail = Extract<NonNullable<Sample["detail"]>, { scenario: "truncate" }>;
type Path = Detail["paths"][number];
type Outcome = Path["fates"][number]["outcome"];

type Look = { color: string; symbol: Plot.SymbolType; shape: "dot" | "triangle" | "cross" };

/** Shape tells what colour tells: whole is a disc, cut a triangle, gone a cross. */
const looks: Record<Outcome, Look> = {
  whole: { color: color(0), symbol: "circle", shape: "dot" },
  "truncated silently": { color: ink.bad, symbol: "triangle", shape: "triangle" },
  "truncated and told": { color: color(1), symbol: "triangle", shape: "triangle" },
  "dropped silently": { color: ink.bad, symbol: "times", shape: "cross" },
  "dropped and told": { color: color(1), symbol: "times", shape: "cross" },
  "refused by the system": { color: ink.muted, symbol: "times", shape: "cross" },
  "registers only": { color: ink.muted, symbol: "diamond", shape: "dot" },
  corrupt: { color: ink.bad, symbol: "star", shape: "cross" },
};

/** A logarithmic axis that has a place for nothing: an empty datagram is one, and a lost one arrives as 0. */
const scaleOf = (most: number, narrow: boolean): Plot.ScaleOptions => ({
  type: "symlog",
  constant: 4,
  domain: [0, most * 1.3],
  ticks: (narrow ? [0, 16, 256, 4096, 65536] : [0, 4, 16, 64, 256, 1024, 4096, 16384, 65536]).filter(
    (tick) => tick <= most * 1.3,
  ),
  tickFormat: bytes,
  grid: true,
});

function fateMarks(fates: Path["fates"], outcome: Outcome): Plot.Markish {
  const words = (fate: { bytes: number; told?: string }) =>
    `${count(fate.bytes)} bytes: ${outcome}${fate.told ? ` (${fate.told})` : ""}`;
  return Plot.dot(
    fates.filter((fate) => fate.outcome === outcome),
    {
      x: "bytes",
      y: "arrived",
      symbol: looks[outcome].symbol,
      stroke: looks[outcome].color,
      strokeWidth: 1.75,
      r: 4.5,
      title: words,
    },
  );
}

function draw({ fates, boundary }: Path, { narrow }: Frame): Plot.PlotOptions {
  const most = fates.reduce((most, { bytes }) => Math.max(most, bytes), 1);
  const sorted = [...fates].sort((a, b) => a.bytes - b.bytes);
  const met = [...new Set(fates.map(({ outcome }) => outcome))];
  const diagonal = [0, most].map((size) => [size, size] as [number, number]);
  return {
    height: narrow ? 270 : 330,
    marginLeft: 56,
    marginBottom: 40,
    marginTop: 24,
    marginRight: 20,
    x: { ...scaleOf(most, narrow), label: "bytes sent in one datagram →" },
    y: { ...scaleOf(most, narrow), label: "bytes that arrived ↑" },
    marks: [
      Plot.line(diagonal, { stroke: ink.rule, strokeDasharray: "3 3" }),
      Plot.line(sorted, { x: "bytes", y: "arrived", stroke: ink.muted, strokeWidth: 1 }),
      ...(boundary === undefined
        ? []
        : namedPlace(boundary, `whole up to ${bytes(boundary)}`, {
            toLeft: boundary > Math.sqrt(most),
            dy: 4,
          })),
      ...met.map((outcome) => fateMarks(sorted, outcome)),
    ],
  };
}

function chartOf(path: Path, detail: Detail, where: string): Chart {
  const met = [...new Set(path.fates.map(({ outcome }) => outcome))];
  const keys: Key[] = met.map((name) => ({
    name,
    look: { color: looks[name].color, shape: looks[name].shape },
  }));
  const place =
    path.path === "relay"
      ? `Through the relay${where}`
      : `Into a buffer of ${bytes(detail.smallBufferBytes)}`;
  const verdict =
    path.boundary === undefined
      ? "No size arrived whole."
      : `Up to ${count(path.boundary)} bytes arrive whole${path.beyond ? `; one byte more is ${path.beyond}` : ""}.`;
  return {
    title: place,
    sentence: verdict,
    label: `Staircase of bytes sent and bytes arrived, ${place}. ${verdict}`,
    keys,
    draw: (frame) => draw(path, frame),
    data: {
      head: ["sent", "arrived", "outcome", "what the sender was told"],
      rows: path.fates.map(({ bytes, arrived, outcome, told }) => [
        count(bytes),
        count(arrived),
        outcome,
        told ?? "–",
      ]),
      numbersFrom: 1,
    },
  };
}

export const truncation: Section = {
  id: "truncation",
  title: "Truncation",
  render({ groups, record }: Source) {
    const all = groups.flatMap(({ samples, server }) =>
      samples.flatMap(({ detail }) =>
        detail?.scenario === "truncate"
          ? detail.paths.filter(({ fates }) => fates.length > 0).map((path) => ({ path, detail, server }))
          : [],
      ),
    );
    // The small buffer is the system's, whichever server was asked: once is enough.
    const small = all.find(({ path }) => path.path === "small buffer");
    const charts = all
      .filter((one) => one.path.path === "relay" || one === small)
      .map(({ path, detail, server }) => chartOf(path, detail, severalServers(record) ? ` (${server})` : ""));
    if (charts.length === 0) return undefined;
    return html`<p>A datagram arrives whole, cut, or not at all. On the dotted diagonal all that was sent arrived. <b>Look
for</b> the size at which the points leave it, and for red: there bytes were lost and nobody was told.</p>
${grid(charts)}`;
  },
};
