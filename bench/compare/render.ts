/** A comparison as text for the terminal and as Markdown: correctness first, the sentence one would say last. */
import { table } from "../terminal/format.ts";
import type { CellComparison, Comparison, FigureComparison } from "./comparison.ts";
import type { Fault } from "./correctness.ts";
import { changeText, least, pText, sentence, sideText, verdictText, withInterval } from "./words.ts";

export type RenderOptions = {
  /** Shows the figures that are not tested, too. */
  all?: boolean;
};

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
    head: ["", old.name, now.name, "change", "p", "samples", "verdict"],
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

const faultText = ({ cell, kind, change, words, ...samples }: Fault, { old, new: now }: Comparison) =>
  `${faultHeads[change]}: ${cell}: ${kind}: ${words} (samples of ${old.name}: ${samples.old}, of ${now.name}: ${samples.new})`;

const figures = (row: FigureComparison): string[] => [
  sideText(row.unit, row.old),
  sideText(row.unit, row.new),
  changeText(row),
  pText(row),
  `${row.old.samples} ${row.new.samples}`,
  verdictText(row),
];

function remarks(comparison: Comparison): string[] {
  const { tests, level, onlyOld, onlyNew, cells } = comparison;
  const whys = cells.flatMap(({ name, rows }) =>
    rows.filter(({ why }) => why !== null).map((row) => `${name}, ${row.label}: ${row.why}`),
  );
  return [
    ...whys,
    ...(onlyOld.length > 0 ? [`only in ${comparison.old.name}, not compared: ${onlyOld.join(", ")}`] : []),
    ...(onlyNew.length > 0 ? [`only in ${comparison.new.name}, not compared: ${onlyNew.join(", ")}`] : []),
    `A difference counts from p ≤ ${level} (Mann–Whitney, corrected by Holm for ${tests} ${tests === 1 ? "figure" : "figures"}) and ${least(comparison)} on; ` +
      "medians and changes with 95 % intervals, where there are samples enough for one.",
  ];
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
  const rows = it.cells.flatMap(({ name, rows }) => [
    [name, ...Array(it.head.length - 1).fill("")],
    ...rows.map((row) => [`  ${row.label}`, ...figures(row)]),
  ]);
  return [
    it.title,
    it.warnings.join("\n"),
    it.faults.join("\n"),
    rows.length > 0 ? table(it.head, rows).replace(/ +$/gm, "") : "",
    it.means.length > 0 ? `geometric mean: ${it.means.join("; ")}` : "",
    it.remarks.join("\n"),
    it.sentence,
  ]
    .filter(Boolean)
    .join("\n\n");
}

export function renderMarkdown(comparison: Comparison, options: RenderOptions = {}): string {
  const it = parts(comparison, options);
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const bullets = (texts: string[]) => texts.map((text) => `- ${text}`).join("\n");
  const head = ["scenario", "figure", ...it.head.slice(1)];
  const rows = it.cells.flatMap(({ name, rows }) =>
    rows.map((row, i) =>
      line([i === 0 ? name : "", row.label, ...figures(row).slice(0, -1), bold(verdictText(row))]),
    ),
  );
  const alignment = line(head.map((_, i) => (i < 2 ? "---" : "---:")));
  return [
    `**${it.sentence}**`,
    bullets(it.faults),
    rows.length > 0 ? [line(head), alignment, ...rows].join("\n") : "",
    bullets(it.means.map((mean) => `geometric mean: ${mean}`)),
    bullets([...it.warnings, ...it.remarks]),
  ]
    .filter(Boolean)
    .join("\n\n");
}

const bold = (verdict: string) =>
  /^(slower|faster|worse|better)$/.test(verdict) ? `**${verdict}**` : verdict;
