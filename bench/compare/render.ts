/** A comparison as text for the terminal and as Markdown: the sentence one would say first. */
import { withInterval } from "../record/units.ts";
import { table, widthOf } from "../terminal/format.ts";
import { type CellComparison, type Comparison, type FigureComparison, isSideBySide } from "./comparison.ts";
import type { Fault } from "./correctness.ts";
import { changeText, least, rawText, sentence, sideText, verdictText, verdictWord } from "./words.ts";

export type RenderOptions = {
  /** Shows the figures that are not tested, too. */
  all?: boolean;
  /** Characters of a line of text; unbounded unless told. */
  width?: number;
};

/** A column of figures; those that are `wide` are left out where lines are short, the highest number first. */
type Figure = { head: string; of: (row: FigureComparison) => string; wide?: number };

const figureColumns = ({ old, new: now, yardstick }: Comparison): Figure[] => [
  { head: old.name, of: (row) => sideText(row.unit, row.old) },
  { head: now.name, of: (row) => sideText(row.unit, row.new) },
  { head: yardstick === null ? "change" : "by the yardstick", of: changeText },
  ...(yardstick === null ? [] : [{ head: "raw", of: rawText }]),
  {
    head: "rounds",
    of: (row) => (row.rounds === null ? `${row.old.samples} ${row.new.samples}` : `${row.rounds}`),
    wide: 1,
  },
  { head: "verdict", of: verdictWord },
];

/** Every part of it in words, in order; the two renderers differ in dress only. */
function parts(comparison: Comparison, { all = false }: RenderOptions) {
  const { old, new: now, cells, faults, unlike, notes, means } = comparison;
  const cellsShown = cells
    .map((cell) => ({ ...cell, rows: cell.rows.filter((row) => all || row.tested) }))
    .filter(({ rows }) => rows.length > 0);
  return {
    title: `${old.name} ${old.record} → ${now.name} ${now.record}${byTime(comparison)}`,
    warnings: [
      ...unlike.map((one) => `compared by force: ${one.field} is ${one.old} and ${one.new}`),
      ...notes,
    ],
    faults: [...faults]
      .sort((a, b) => order.indexOf(a.change) - order.indexOf(b.change))
      .map((fault) => faultText(fault, comparison)),
    cells: cellsShown,
    means: means.map(
      (mean) =>
        `${mean.name} × ${withInterval((v) => v.toFixed(3), mean.ratio, mean.interval)} over ${mean.cells} cells`,
    ),
    remarks: [...remarks(comparison), ...cells.flatMap((cell) => discardedText(cell, comparison))],
    sentence: sentence(comparison),
  };
}

/** Which record is which goes by when they were started, and is said. */
const byTime = ({ old, new: now }: Comparison): string =>
  old.record === now.record ? "" : ` (old: started ${moment(old.startedAt)}; new: ${moment(now.startedAt)})`;

const moment = (iso: string) => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;

const order: Fault["change"][] = ["new", "still", "gone"];
const faultHeads = { new: "NEWLY WRONG", still: "still wrong", gone: "no longer wrong" };

/** Of two servers side by side none is newer. */
const faultHead = (change: Fault["change"], { old, new: now }: Comparison): string =>
  isSideBySide({ old, new: now })
    ? { new: `WRONG: ${now.name}`, still: "WRONG: both", gone: `WRONG: ${old.name}` }[change]
    : faultHeads[change];

const faultText = ({ cell, kind, change, words, ...samples }: Fault, comparison: Comparison) =>
  `${faultHead(change, comparison)}: ${cell}: ${kind}: ${words} (samples of ${comparison.old.name}: ${samples.old}, of ${comparison.new.name}: ${samples.new})`;

function remarks(comparison: Comparison): string[] {
  const { onlyOld, onlyNew, cells } = comparison;
  const whys = cells.flatMap(({ name, rows }) =>
    rows.filter(({ why }) => why !== null).map((row) => `${name}, ${row.label}: ${row.why}`),
  );
  return [
    ...whys,
    ...(onlyOld.length > 0 ? [`only in ${comparison.old.name}, not compared: ${onlyOld.join(", ")}`] : []),
    ...(onlyNew.length > 0 ? [`only in ${comparison.new.name}, not compared: ${onlyNew.join(", ")}`] : []),
    intervalsText(comparison),
  ];
}

/** What the intervals are, and when something counts as different or the same. */
export function intervalsText({
  tests,
  level,
  looks,
  threshold,
  cells,
  yardstick,
}: Pick<Comparison, "tests" | "level" | "looks" | "threshold" | "cells"> & {
  yardstick?: string | null;
}): string {
  const paired = cells.some(({ rows }) => rows.some(({ rounds }) => rounds !== null));
  const sure = `${Number(((1 - level) * 100).toPrecision(3))} %`;
  const all = tests === 1 ? "" : ` for all ${tests} figures together`;
  const looked = looks > 1 ? `, however often it was looked` : "";
  return (
    `Changes are ${paired ? "means of paired rounds" : "ratios of means"}, with intervals that hold at ${sure}${all}${looked} ` +
    `(Student${paired ? "" : yardstick === null ? ", Welch" : ", with variances moderated over all cells"}). One is faster or slower where its interval leaves out × 1, the same where ${yardstick === null ? "it" : "its own at 90 %"} lies within ` +
    `± ${least({ threshold })}; medians have 95 % intervals.`
  );
}

function discardedText(
  { name, discarded, missing }: CellComparison,
  { old, new: now }: Comparison,
): string[] {
  const texts: string[] = [];
  for (const [side, labels] of [
    [old.name, missing.old],
    [now.name, missing.new],
  ] as const)
    if (labels.length > 0) texts.push(`${name}: no valid sample of ${side} has ${labels.join(", ")}`);
  const counts = `${discarded.old} of ${old.name}, ${discarded.new} of ${now.name}`;
  if (discarded.old + discarded.new > 0)
    texts.push(`${name}: samples discarded: ${counts} (${discarded.rules.join(", ")})`);
  return texts;
}

export function renderText(comparison: Comparison, options: RenderOptions = {}): string {
  const it = parts(comparison, options);
  return [
    it.sentence,
    it.faults.join("\n"),
    `${it.title}\n${figureTable(comparison, it.cells, options.width ?? Number.POSITIVE_INFINITY)}`.trimEnd(),
    it.means.length > 0 ? `geometric mean: ${it.means.join("; ")}` : "",
    [...it.warnings, ...it.remarks].join("\n"),
  ]
    .filter(Boolean)
    .join("\n\n");
}

/** As much as fits: first without the medians' intervals, then without the columns that say least, then by short names. */
function figureTable(comparison: Comparison, cells: readonly CellComparison[], width: number): string {
  if (cells.length === 0) return "";
  let drawn = "";
  for (let less = 0; less <= 4; less++) {
    drawn = drawFigures(comparison, cells, less);
    if (widthOf(drawn) <= width) break;
  }
  return drawn;
}

function drawFigures(comparison: Comparison, cells: readonly CellComparison[], less: number): string {
  const columns = figureColumns(comparison).filter(({ wide }) => wide === undefined || less < 4 - wide);
  const bare = (row: FigureComparison): FigureComparison =>
    less === 0 ? row : { ...row, old: { ...row.old, interval: null }, new: { ...row.new, interval: null } };
  const rows = cells.flatMap(({ name, rows }) => [
    [name],
    ...rows.map((row) => [
      `  ${less < 4 ? row.label : row.heading}`,
      ...columns.map(({ of }) => of(bare(row))),
    ]),
  ]);
  return table(["", ...columns.map(({ head }) => head)], rows);
}

export function renderMarkdown(comparison: Comparison, options: RenderOptions = {}): string {
  const it = parts(comparison, options);
  const columns = figureColumns(comparison).filter(({ of }) => of !== verdictWord);
  const head = ["scenario", "figure", ...columns.map(({ head }) => head), "verdict"];
  const rows = it.cells.flatMap(({ name, rows }) =>
    rows.map((row, i) => [
      i === 0 ? name : "",
      row.label,
      ...columns.map(({ of }) => of(row)),
      bold(verdictText(row)),
    ]),
  );
  return [
    `**${it.sentence}**`,
    bulletList(it.faults),
    rows.length > 0 ? markdownTable(head, rows, 2) : "",
    bulletList(it.means.map((mean) => `geometric mean: ${mean}`)),
    bulletList([...it.warnings, ...it.remarks]),
  ]
    .filter(Boolean)
    .join("\n\n");
}

export const bulletList = (texts: readonly string[]): string => texts.map((text) => `- ${text}`).join("\n");

/** Columns from `figuresFrom` on stand to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  figuresFrom: number,
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const alignment = line(head.map((_, i) => (i < figuresFrom ? "---" : "---:")));
  return [line(head), alignment, ...rows.map(line)].join("\n");
}

const bold = (verdict: string) =>
  /^(slower|faster|worse|better)$/.test(verdict) ? `**${verdict}**` : verdict;
