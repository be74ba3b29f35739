/** A comparison in words and figures for people: the sentence at its end, and how its numbers are written. */
import { valueText } from "../record/units.ts";
import {
  type CellComparison,
  type Comparison,
  type FigureComparison,
  type FigureVerdict,
  isVoid,
  type Side,
} from "./comparison.ts";
import type { Interval } from "./rounds.ts";

const CELLS_NAMED = 4;

/** `1.25 (1.20–1.31) M/s`; the unit is said once where it is the same. */
export function withInterval(write: (value: number) => string, value: number, interval: Interval | null) {
  if (!interval) return write(value);
  const texts = [value, interval.low, interval.high].map(write);
  const units = texts.map((text) => text.replace(/^[-\d.,]+/, ""));
  if (new Set(units).size > 1) return `${texts[0]} (${texts[1]} – ${texts[2]})`;
  const [middle, low, high] = texts.map((text, i) => text.slice(0, text.length - units[i].length));
  return `${middle} (${low}–${high})${units[0]}`;
}

export const sideText = (unit: FigureComparison["unit"], { median, interval }: Side): string =>
  withInterval((value) => valueText(unit, value), median, interval);

export function changeText({ change }: FigureComparison): string {
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
  return bounds ? `undecided: between ${bounds}` : "undecided";
}

const SHOWN_RATIO = 100;

function boundsText({ change }: FigureComparison): string {
  if (!change?.interval) return "";
  const { low, high } = change.interval;
  if (change.scale === "difference") return `${(low * 100).toFixed(2)} and ${(high * 100).toFixed(2)} points`;
  if (high > SHOWN_RATIO && low < 1 / SHOWN_RATIO) return "";
  return `× ${low.toFixed(2)} and × ${high > SHOWN_RATIO ? "∞" : high.toFixed(2)}`;
}

/** `6.9× (5.8–8.1) the verified replies of go`. */
function timesText({ change, label }: FigureComparison): string {
  if (change?.scale === "difference")
    return `${withInterval((v) => `${(v * 100).toFixed(2)} points`, change.estimate, change.interval)} more ${label}`;
  if (!change) return `other ${label}`;
  const digits = change.estimate < 10 && change.estimate >= 0.1 ? 2 : 3;
  const write = (value: number) => (value >= 10 ? value.toFixed(1) : value.toFixed(digits));
  const { estimate, interval } = change;
  const range = interval ? ` (${write(interval.low)}–${write(interval.high)})` : "";
  return `${write(estimate)}×${range} the ${label}`;
}

/** What changed in a cell: `bun@here has 1.10× (1.07–1.13) the server CPU per delivery of bun@base in fanout … (slower)`. */
function changeOfCell({ name, rows }: CellComparison, subject: string, other: string): string[] {
  const changed = rows.filter(({ verdict }) => verdict === "faster" || verdict === "slower");
  const [first, ...others] = changed;
  if (!first) return [];
  const words = [...new Set(changed.map(verdictWord))].join(" and ");
  const more = others.map((row) => `, ${timesText(row)}`).join("");
  return [`${subject} has ${timesText(first)} of ${other}${more} in ${name} (${words})`];
}

/** What one would say to a colleague who asks how it went. */
export function sentence(comparison: Comparison): string {
  const { old, new: now, cells, faults } = comparison;
  const worse = faults.filter(({ change }) => change === "new");
  if (worse.length > 0) {
    const [first] = worse;
    const more = worse.length > 1 ? ` and ${worse.length - 1} more` : "";
    const was = old.record === now.record ? "is" : "was";
    return `${now.name} is wrong where ${old.name} ${was} right (${first.cell}: ${first.kind}${more}); no speed makes up for that.`;
  }
  if (comparison.tests === 0)
    return isVoid(comparison)
      ? `Nothing could be compared: no figure has valid samples of both ${old.name} and ${now.name}.`
      : `There are no figures to compare; nothing is newly wrong in ${now.name}.`;
  const changes = cells.flatMap((cell) => changeOfCell(cell, now.name, old.name));
  const named = changes.slice(0, CELLS_NAMED);
  if (changes.length > named.length)
    named.push(`other figures in ${changes.length - named.length} more cells`);
  return `${[...named, ...rest(comparison)].join("; ")}.`;
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
      ? `, the widest between ${bounds} (${widest.row.label} in ${widest.cell.name})`
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
