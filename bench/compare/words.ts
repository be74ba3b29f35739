/** A comparison in words and figures for people: the sentence at its end, and how its numbers are written. */
import { valueText, withInterval } from "../record/units.ts";
import {
  type CellComparison,
  type Comparison,
  type FigureComparison,
  type FigureVerdict,
  isSideBySide,
  isVoid,
  type Side,
} from "./comparison.ts";
import type { Fault } from "./correctness.ts";
import { betterSide, cellPhrase } from "./phrases.ts";
import { hiddenText } from "./tails.ts";

const CELLS_NAMED = 4;

export const sideText = (unit: FigureComparison["unit"], { median, interval }: Side): string =>
  withInterval((value) => valueText(unit, value), median, interval);

export function changeText({ change }: Pick<FigureComparison, "change">): string {
  if (!change) return "–";
  if (change.scale === "ratio")
    return `× ${withInterval((v) => v.toFixed(3), change.estimate, change.interval)}`;
  return withInterval((v) => `${(v * 100).toFixed(2)} points`, change.estimate, change.interval);
}

/** The change as it was measured, where the yardstick's is told. */
export const rawText = ({ raw }: FigureComparison): string =>
  raw === undefined ? "–" : `× ${raw.toFixed(2)}`;

/** What is neither a time nor a rate is not faster, but better. */
const SIZES: readonly FigureComparison["class"][] = ["memory", "loss"];

/** A verdict as it is said of a figure. */
export function verdictWord(row: Pick<FigureComparison, "verdict" | "class">): string {
  if (SIZES.includes(row.class) && row.verdict === "faster") return "better";
  if (SIZES.includes(row.class) && row.verdict === "slower") return "worse";
  return row.verdict ?? "";
}

/** A verdict, and of an undecided one between what the change lies. */
export function verdictText(row: FigureComparison): string {
  if (row.verdict !== "undecided") return verdictWord(row);
  const bounds = boundsText(row);
  const hidden = hiddenText(row);
  return bounds ? `undecided: between ${bounds}${hidden && `: ${hidden}`}` : "undecided";
}

const SHOWN_RATIO = 100;

function boundsText({ change }: FigureComparison): string {
  if (!change?.interval) return "";
  const { low, high } = change.interval;
  if (change.scale === "difference") return `${(low * 100).toFixed(2)} and ${(high * 100).toFixed(2)} points`;
  if (high > SHOWN_RATIO && low < 1 / SHOWN_RATIO) return "";
  return `× ${low.toFixed(2)} and × ${high > SHOWN_RATIO ? "∞" : high.toFixed(2)}`;
}

/** What differs in a cell, and of records apart whether that is better: `bun handles … of go in fanout …`. */
function changeOfCell(cell: CellComparison, comparison: Comparison): string[] {
  const { old, new: now, cells } = comparison;
  const beside = isSideBySide(comparison);
  const { subject, other, rows } = beside
    ? betterSide(cell, old.name, now.name)
    : { subject: now.name, other: old.name, rows: cell.rows };
  const phrase = cellPhrase(rows, other);
  if (phrase === undefined) return [];
  const place = beside && cells.length === 1 ? "" : ` in ${cell.name}`;
  return [`${subject} ${phrase}${place}${beside ? "" : ` (${directions(rows)})`}`];
}

const directions = (rows: readonly FigureComparison[]): string =>
  [
    ...new Set(rows.filter(({ verdict }) => verdict === "faster" || verdict === "slower").map(verdictWord)),
  ].join(" and ");

/** What one would say to a colleague who asks how it went: first what is wrong, since no speed makes up for that. */
export function sentence(comparison: Comparison): string {
  const { wrong, last } = wrongText(comparison);
  if (last) return wrong;
  return wrong ? `${wrong} ${figuresText(comparison)}` : figuresText(comparison);
}

/** `last`: no figure is spoken of after it. */
function wrongText(comparison: Comparison): { wrong: string; last: boolean } {
  const { old, new: now } = comparison;
  const of = (change: Fault["change"]) => comparison.faults.filter((fault) => fault.change === change);
  const [worse, still, gone] = [of("new"), of("still"), of("gone")];
  const where = ([first, ...more]: Fault[]) =>
    `(${first.cell}: ${first.kind}${more.length > 0 ? ` and ${more.length} more` : ""})`;
  const never = "no speed makes up for that.";
  const beside = isSideBySide(comparison);
  const both = still.length > 0 || (worse.length > 0 && gone.length > 0);
  if (beside && both)
    return {
      wrong: `${old.name} and ${now.name} are both wrong ${where(comparison.faults)}; ${never}`,
      last: true,
    };
  if (beside && gone.length > 0)
    return { wrong: `${old.name} is wrong where ${now.name} is right ${where(gone)}; ${never}`, last: true };
  if (worse.length > 0) {
    const was = old.record === now.record ? "is" : "was";
    return {
      wrong: `${now.name} is wrong where ${old.name} ${was} right ${where(worse)}; ${never}`,
      last: true,
    };
  }
  if (still.length > 0)
    return { wrong: `${now.name} is wrong as ${old.name} was ${where(still)}.`, last: false };
  const fixed = gone.length > 0 ? `${now.name} is right where ${old.name} was wrong ${where(gone)}.` : "";
  return { wrong: fixed, last: false };
}

function figuresText(comparison: Comparison): string {
  const { old, new: now, cells, tests } = comparison;
  if (tests === 0)
    return isVoid(comparison)
      ? `Nothing could be compared: no figure has valid samples of both ${old.name} and ${now.name}.`
      : `There are no figures to compare; nothing is newly wrong in ${now.name}.`;
  const changes = cells.flatMap((cell) => changeOfCell(cell, comparison));
  const named = changes.slice(0, CELLS_NAMED);
  if (changes.length > named.length)
    named.push(`other figures in ${changes.length - named.length} more cells`);
  const others = rest(comparison);
  const open = cells.some(({ rows }) => rows.some(({ verdict }) => verdict === "undecided"));
  if (changes.length === 0 && open)
    return `${now.name} and ${old.name} are not told apart: ${others.join("; ")}.`;
  return `${[...named, ...others].join("; ")}.`;
}

/** What did not change, and what is not decided. */
function rest(comparison: Comparison): string[] {
  const { cells, old, new: now, tests } = comparison;
  const rows = cells.flatMap((cell) => cell.rows.map((row) => ({ row, cell })));
  const of = (verdict: FigureVerdict) => rows.filter(({ row }) => row.verdict === verdict);
  const [same, open] = [of("same"), of("undecided")];
  const figures = (count: number) => `${count} of ${tests} ${tests === 1 ? "figure" : "figures"}`;
  const texts: string[] = [];
  if (same.length === tests)
    texts.push(
      `${now.name} and ${old.name} are the same within ± ${least(comparison)} in all that is tested`,
    );
  else if (same.length > 0) texts.push(`the same within ± ${least(comparison)} in ${figures(same.length)}`);
  const [widest] = open.toSorted((a, b) => widthOf(b.row) - widthOf(a.row));
  if (widest) {
    const bounds = boundsText(widest.row);
    const most = bounds
      ? `, the widest between ${bounds} (${widest.row.label} in ${widest.cell.name}${hiddenText(widest.row) && `: ${hiddenText(widest.row)}`})`
      : ", with too few rounds for bounds";
    texts.push(`undecided in ${figures(open.length)}${most}`);
  }
  return texts;
}

const widthOf = ({ change }: FigureComparison): number =>
  change?.interval ? change.interval.high - change.interval.low : 0;

/** The threshold, as it was given: `5 %`. */
export const least = ({ threshold }: Pick<Comparison, "threshold">): string =>
  `${Number((threshold * 100).toPrecision(3))} %`;
