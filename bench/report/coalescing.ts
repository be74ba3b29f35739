/** How messages became segments and reads: TCP keeps bytes in order, not messages in pieces. */

import { html, type Markup, raw } from "../../pages/html.ts";
import type { CellSamples } from "../record/cells.ts";
import type { Sample } from "../record/record.ts";
import { type Chart, color, grid, ink, type Key, logAxis, logTicks, Plot } from "./chart.ts";
import type { Section } from "./section.ts";
import { bytes, count, digits, percent } from "./units.ts";

type Detail = Extract<NonNullable<Sample["detail"]>, { scenario: "coalesce" }>;
type Row = Detail["rows"][number];

/** Bins by doubling, named by where they begin: a read that ended 300 messages is as rare as it is far. */
const bins = [0, 1, 2, 3, 5, 9, 17, 33, 65, 128];
const binOf = (messages: number): number => bins.findLast((from) => messages >= from) ?? 0;
const binName = (from: number): string => {
  const next = bins[bins.indexOf(from) + 1];
  return next === undefined ? `${from} or more` : next - from > 1 ? `${from} to ${next - 1}` : String(from);
};

const gapName = (row: Row): string =>
  row.gapMilliseconds > 0 ? `${digits(row.gapMilliseconds)} ms gap` : "no gap";
const mssName = (row: Row): string => (row.ethernetMss ? "Ethernet MSS" : "loopback MSS");

type Bar = { bin: number; share: number; panel: string; reads: number };

function barsOf(rows: Row[]): Bar[] {
  return [...Map.groupBy(rows, gapName)].flatMap(([panel, of]) => {
    const reads = new Map(bins.map((bin) => [bin, 0]));
    for (const { histogram } of of)
      histogram.forEach((n, messages) => {
        reads.set(binOf(messages), (reads.get(binOf(messages)) ?? 0) + n);
      });
    const all = [...reads.values()].reduce((a, b) => a + b, 0);
    return [...reads].map(([bin, n]) => ({ bin, share: all === 0 ? 0 : n / all, panel, reads: n }));
  });
}

function drawBars(bars: Bar[], panels: string[]): Plot.PlotOptions {
  const used = bins.slice(
    0,
    bins.findLastIndex((bin) => bars.some((bar) => bar.bin === bin && bar.reads > 0)) + 1,
  );
  return {
    height: 70 + panels.length * 110,
    marginLeft: 48,
    marginRight: 12,
    marginTop: 24,
    marginBottom: 40,
    fy: { domain: panels, axis: null, padding: 0.22 },
    x: { domain: used, tickFormat: String, label: "messages that ended in one read (bins begin here) →" },
    y: { tickFormat: percent, ticks: 3, grid: true, label: null, domain: [0, 1] },
    marks: [
      Plot.text(panels, {
        fy: (panel: string) => panel,
        text: (panel: string) => panel,
        frameAnchor: "top-right",
        dy: -12,
        fill: ink.muted,
        fontSize: 11,
      }),
      Plot.barY(
        bars.filter(({ bin, share }) => used.includes(bin) && share > 0),
        { x: "bin", y: "share", fy: "panel", fill: color(0), insetLeft: 1, insetRight: 1 },
      ),
      Plot.ruleY([0], { stroke: ink.muted }),
    ],
  };
}

function readsChart(title: string, rows: Row[]): Chart {
  const bars = barsOf(rows);
  const panels = [...new Set(bars.map(({ panel }) => panel))];
  const tops = panels.map((panel) => {
    const top = bars.filter((bar) => bar.panel === panel).reduce((a, b) => (b.share > a.share ? b : a));
    return `with ${panel === "no gap" ? "no gap" : `a ${panel}`} most often ${binName(top.bin)} (${percent(top.share)} of the reads)`;
  });
  return {
    title,
    sentence: `W${tops.join("; ").slice(1)}.`,
    label: `Histogram of messages per read, ${title}. ${tops.join("; ")}.`,
    draw: () => drawBars(bars, panels),
    small: true,
    data: {
      head: ["", "messages per read", "reads", "share"],
      rows: bars
        .filter(({ reads }) => reads > 0)
        .map(({ panel, bin, reads, share }) => [panel, binName(bin), count(reads), percent(share)]),
    },
  };
}

type Dot = { cell: string; ratio: number; color: string; noDelay: boolean; gap: string; words: string };

const cellName = ({ burst, payload }: Row): string => `${count(burst)} × ${bytes(payload)}`;

function dotsOf(rows: Row[]): Dot[] {
  return rows.flatMap((row) => {
    if (!row.segmentsOut) return [];
    const ratio = row.messages / row.segmentsOut;
    return [
      {
        cell: cellName(row),
        ratio,
        color: color(row.noDelay ? 0 : 1),
        noDelay: row.noDelay,
        gap: gapName(row),
        words: `${cellName(row)}, ${gapName(row)}, TCP_NODELAY ${row.noDelay ? "on" : "off"}: ${digits(ratio)} messages a segment`,
      },
    ];
  });
}

function drawDots(dots: Dot[], cells: string[]): Plot.PlotOptions {
  const ratios = dots.map(({ ratio }) => ratio);
  const domain: [number, number] = [Math.min(0.8, ...ratios) * 0.9, Math.max(2, ...ratios) * 1.15];
  return {
    height: 64 + cells.length * 22,
    marginLeft: 82,
    marginRight: 20,
    marginTop: 10,
    marginBottom: 40,
    x: logAxis(domain, logTicks(...domain, true), digits, "messages per segment →"),
    y: { domain: cells, label: null, tickSize: 0 },
    marks: [
      Plot.ruleX([1], { stroke: ink.muted }),
      ...[true, false].map((noDelay) =>
        Plot.dot(
          dots.filter((dot) => dot.noDelay === noDelay),
          {
            x: "ratio",
            y: "cell",
            symbol: noDelay ? "circle" : "triangle",
            stroke: "color",
            fill: "color",
            fillOpacity: (dot: Dot) => (dot.gap === "no gap" ? 0.8 : 0),
            r: 4,
            title: "words",
          },
        ),
      ),
    ],
    color: { type: "identity" },
  };
}

const delayKeys: Key[] = [
  { name: "TCP_NODELAY on", look: { color: color(0), shape: "dot" } },
  { name: "off", look: { color: color(1), shape: "triangle" } },
  { name: "hollow: with a gap", look: { color: ink.muted, shape: "ring" } },
];

function segmentsChart(title: string, rows: Row[]): Chart[] {
  const dots = dotsOf(rows);
  if (dots.length === 0) return [];
  const sorted = [...rows].sort((a, b) => a.payload - b.payload || a.burst - b.burst);
  const cells = [...new Set(sorted.map(cellName))];
  const joined = dots.filter(({ ratio }) => ratio > 1.01).length;
  return [
    {
      title,
      sentence: `In ${joined} of ${dots.length} combinations a segment carried more than one message.`,
      label: `Messages per segment, ${title}: in ${joined} of ${dots.length} combinations the kernel put more than one message into a segment.`,
      keys: delayKeys,
      draw: () => drawDots(dots, cells),
      small: true,
      data: {
        head: ["burst", "gap", "TCP_NODELAY", "messages per segment"],
        rows: dots.map(({ cell, gap, noDelay, ratio }) => [cell, gap, noDelay ? "on" : "off", digits(ratio)]),
        numbersFrom: 3,
      },
    },
  ];
}

function ofGroup(group: CellSamples): Markup | undefined {
  const rows = group.samples.flatMap(({ detail }) => (detail?.scenario === "coalesce" ? detail.rows : []));
  if (rows.length === 0) return undefined;
  const bursts = rows.filter(({ burst }) => burst > 1);
  const cut = rows.reduce((sum, row) => sum + row.cut, 0);
  const reads = rows.reduce((sum, row) => sum + row.reads, 0);
  return html`<p>Of ${count(reads)} reads ${count(cut)} (${percent(reads === 0 ? 0 : cut / reads)}) ended inside a message, which was split across reads.</p>
<h4>Messages per read</h4>
${grid([...Map.groupBy(bursts.length > 0 ? bursts : rows, ({ path, noDelay }) => `${path}, TCP_NODELAY ${noDelay ? "on" : "off"}`)].map(([title, of]) => readsChart(title, of)))}
<h4>Messages per segment</h4>
${grid([...Map.groupBy(rows, (row) => `${row.path}, ${mssName(row)}`)].flatMap(([title, of]) => segmentsChart(title, of)))}`;
}

export const coalescing: Section = {
  id: "coalescing",
  title: "Coalescing",
  render({ groups, name }) {
    const having = groups.filter(({ samples }) =>
      samples.some(({ detail }) => detail?.scenario === "coalesce"),
    );
    const parts = having.flatMap((group, i) => {
      const part = ofGroup(group);
      if (!part) return [];
      if (having.length === 1) return [part];
      return [
        html`<details class="more"${i === 0 && raw(" open")}><summary>${name(group)}</summary>${part}</details>`,
      ];
    });
    if (parts.length === 0) return undefined;
    return html`<p>A message is written at once, but TCP carries a stream: several may come out of one read, or half of one.
<b>Look for</b> bars to the right of 1: there a server that takes a read for a message breaks. Per segment, points right
of 1 were joined by the kernel; left of 1, a message needed several segments.</p>${parts}`;
  },
};
