/** Comparison with the run before, or of servers within one run: ratios with their intervals, and verdicts. */

import { html, type Markup, prose, table } from "../../pages/html.ts";
import { Failure } from "../../platform/failure.ts";
import { compareAll, compareRecords } from "../compare/compare.ts";
import {
  type CellComparison,
  type Comparison,
  type FigureComparison,
  type FigureVerdict,
  isSideBySide,
} from "../compare/comparison.ts";
import { LEAST_RANKED, type Ranking, rank } from "../compare/ranking.ts";
import { PLACES_MEAN, placeText, rankingSentence, tiedText, toBestText } from "../compare/ranking-words.ts";
import { changeText, sentence, sideText, verdictText } from "../compare/words.ts";
import { serversOf } from "../record/cells.ts";
import { type Chart, type Frame, figure, ink, type Key, logAxis, logDomain, Plot } from "./chart.ts";
import { rowLayout, rowNames } from "./marks.ts";
import { roundPlots } from "./rounds.ts";
import type { Section, Source } from "./section.ts";
import { describeValue, moment } from "./units.ts";

type Look = {
  color: string;
  symbol: Plot.SymbolType;
  shape: NonNullable<Key["look"]["shape"]>;
  words: string;
};

const looks: Record<FigureVerdict, Look> = {
  faster: { color: ink.good, symbol: "circle", shape: "dot", words: "faster" },
  slower: { color: ink.bad, symbol: "square", shape: "square", words: "slower" },
  same: { color: ink.muted, symbol: "circle", shape: "dot", words: "the same within the threshold" },
  undecided: { color: ink.muted, symbol: "times", shape: "cross", words: "undecided" },
};

type Bar = { name: string; ratio: number; low: number; high: number; verdict: FigureVerdict; words: string };

function barsOf({ cells }: Comparison): Bar[] {
  const shown = ({ name }: CellComparison, row: FigureComparison): Bar[] => {
    const { change, verdict } = row;
    if (!verdict || change?.scale !== "ratio") return [];
    const { low, high } = change.interval ?? { low: change.estimate, high: change.estimate };
    const title = `${name}: ${row.label}`;
    return [
      {
        name: title,
        ratio: change.estimate,
        low,
        high,
        verdict,
        words: `${title}\n${changeText(row)} ${verdictText(row)}`,
      },
    ];
  };
  return cells.flatMap((cell) => cell.rows.flatMap((row) => shown(cell, row)));
}

const tickNames: Record<number, string> = { 1: "no change" };
const steps = [0.01, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10, 100];

/** Labels that would touch the one before are left out; 1 stays. */
function ticksOf([least, most]: [number, number], width: number): number[] {
  const place = (tick: number) => (Math.log(tick / least) / Math.log(most / least)) * width;
  const inside = steps.filter((tick) => tick >= least && tick <= most);
  return inside.filter((tick, i) => {
    if (tick === 1) return true;
    const apart = tick > 1 || inside.includes(1) ? Math.abs(place(tick) - place(1)) > 48 : true;
    const next = inside[i + (tick > 1 ? 1 : -1)];
    return apart && (next === undefined || Math.abs(place(next) - place(tick)) > 26);
  });
}

function verdictMarks(bars: Bar[], verdict: FigureVerdict): Plot.Markish[] {
  const of = bars.filter((bar) => bar.verdict === verdict);
  const { color: stroke, symbol } = looks[verdict];
  const fill = symbol === "times" ? "none" : stroke;
  return [
    Plot.ruleY(of, { y: "name", x1: "low", x2: "high", stroke, strokeWidth: 2, title: "words" }),
    Plot.dot(of, { y: "name", x: "ratio", symbol, stroke, fill, r: 4, strokeWidth: 1.75, title: "words" }),
  ];
}

function draw(bars: Bar[], threshold: number, { width, narrow }: Frame): Plot.PlotOptions {
  const domain = logDomain([...bars.flatMap(({ low, high }) => [low, high]), 0.9, 1.1]);
  const rows = { names: bars.map(({ name }) => name), narrow };
  const layout = rowLayout(rows);
  const ticks = ticksOf(domain, width - (layout.marginLeft ?? 0) - 16);
  return {
    ...layout,
    marginTop: 12,
    marginBottom: 40,
    x: logAxis(domain, ticks, (tick) => tickNames[tick] ?? `×${tick}`, "new to old →"),
    marks: [
      Plot.rectX([0], { x1: 1 / (1 + threshold), x2: 1 + threshold, fill: ink.muted, fillOpacity: 0.12 }),
      Plot.ruleX([1], { stroke: ink.muted }),
      ...rowNames(rows),
      ...(Object.keys(looks) as FigureVerdict[]).flatMap((verdict) => verdictMarks(bars, verdict)),
    ],
  };
}

function chartOf(comparison: Comparison): Chart {
  const bars = barsOf(comparison);
  const { old, new: now, threshold } = comparison;
  const met = (Object.keys(looks) as FigureVerdict[]).filter((verdict) =>
    bars.some((bar) => bar.verdict === verdict),
  );
  const rows = comparison.cells.flatMap((cell) =>
    cell.rows
      .filter(({ tested }) => tested)
      .map((row) => [
        `${cell.name}: ${row.label}`,
        sideText(row.unit, row.old),
        sideText(row.unit, row.new),
        changeText(row),
        row.rounds === null ? `${row.old.samples} ${row.new.samples}` : `${row.rounds}`,
        verdictText(row),
      ]),
  );
  return {
    title: `${now.name} to ${old.name}`,
    sentence: html`The mark is the ratio, the bar its interval, which holds for all figures together; the grey band is the least change
that counts. <b>Look for</b> bars that leave out the line (faster or slower) or lie within the band (the same). Of latency, CPU time and memory less is better, of a rate more: the colour says which it is.${bars.every(({ low, high }) => low === high) && " No bar is drawn here: there are too few samples for an interval."}`,
    label: `Ratios with intervals, ${now.name} to ${old.name}. ${sentence(comparison)}`,
    keys: met.map((verdict) => ({
      name: looks[verdict].words,
      look: { color: looks[verdict].color, shape: looks[verdict].shape },
    })),
    draw: (frame) => draw(bars, threshold, frame),
    data: { head: ["figure", old.name, now.name, "change", "rounds", "verdict"], rows },
  };
}

function faults({ faults }: Comparison): Markup | undefined {
  if (faults.length === 0) return undefined;
  const words = { new: "new", still: "as before", gone: "gone" };
  return html`<ul class="warnings">${faults.map(
    (fault) =>
      html`<li><strong class="${fault.change === "new" ? "wrong" : ""}">${words[fault.change]}</strong>: ${fault.cell}, ${fault.kind} (${fault.words})</li>`,
  )}</ul>`;
}

function unlike(comparison: Comparison): Markup | undefined {
  const all = comparison.unlike;
  if (all.length === 0) return undefined;
  return html`<div class="fault remark"><h4>These are not alike, and compared all the same</h4>
<p>A difference below may come from here.</p>
<details><summary>${all.length} ${all.length === 1 ? "field differs" : "fields differ"}</summary>${table({
    head: ["field", "old", "new"],
    rows: all.map(({ field, old, new: now }) => [field, old, now]),
    numbersFrom: 9,
  })}</details></div>`;
}

/** Of two servers it begins with a name, which stays as it is. */
function leadOf(comparison: Comparison): string {
  const text = sentence(comparison);
  return isSideBySide(comparison) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

function partOf(compare: () => Comparison, words: string): Markup {
  try {
    const comparison = compare();
    const only = [...comparison.onlyOld, ...comparison.onlyNew];
    return html`<p class="lead">${leadOf(comparison)}</p><p class="note">${words}</p>
${unlike(comparison)}${faults(comparison)}${barsOf(comparison).length > 0 && figure(chartOf(comparison))}
${roundPlots(comparison)}
${comparison.notes.map((note) => html`<p class="note">${prose(note)}</p>`)}
${only.length > 0 && oneSided(only)}`;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return html`<p>Not compared: ${error.message}.</p>`;
  }
}

const oneSided = (cells: string[]): Markup =>
  html`<details><summary>${cells.length} ${cells.length === 1 ? "cell is" : "cells are"} on one side only, and not compared</summary><p class="note">${cells.join(", ")}.</p></details>`;

/** Unlike records are shown all the same, with what differs: a reader can judge, an exit code cannot. */
function withEarlier({ history, record, metrics }: Source): Markup[] {
  const earlier = history.at(-2);
  if (!earlier) return [];
  return [
    partOf(
      () => compareRecords(earlier, record, { force: true, metrics }),
      `New: the later run, of ${moment(record.startedAt)} (${record.id}). Old: that of ${moment(earlier.startedAt)} (${earlier.id}).`,
    ),
  ];
}

function ofServers({ record, metrics }: Source): Markup[] {
  const options = { force: true, metrics };
  if (serversOf(record.samples).length >= LEAST_RANKED) return ofRanking(rank(record, options));
  return compareAll(record, options).map(besideEachOther);
}

const besideEachOther = (comparison: Comparison): Markup =>
  partOf(
    () => comparison,
    `Both in one run, interleaved: old is ${comparison.old.name}, new is ${comparison.new.name}.`,
  );

/** Who stands where, and every pair behind a click. */
function ofRanking(ranking: Ranking): Markup[] {
  const { figures, comparisons } = ranking;
  if (comparisons.length === 0) return [];
  const tables = figures.map(
    (figure) =>
      html`<h3>${figure.cell}: ${figure.label}</h3>${table({
        head: ["server", "place", "median", "to the best", "rounds", "not told apart from"],
        rows: figure.places.map((place) => [
          place.server,
          placeText(place),
          describeValue(figure, place.side.median),
          toBestText(place),
          place.rounds === null ? "" : String(place.rounds),
          tiedText(place),
        ]),
      })}`,
  );
  const pairs = comparisons.map(
    (comparison) =>
      html`<details class="must more"><summary>${comparison.old.name} and ${comparison.new.name}</summary>${besideEachOther(comparison)}</details>`,
  );
  return [
    html`<p class="lead">${rankingSentence(ranking)}</p><p class="note">${PLACES_MEAN}</p>${tables}${pairs}`,
  ];
}

export const comparison: Section = {
  id: "comparison",
  title: "Comparison",
  render(source) {
    const parts = [...withEarlier(source), ...ofServers(source)];
    return parts.length === 0 ? undefined : html`${parts}`;
  },
};
