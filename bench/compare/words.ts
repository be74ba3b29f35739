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
import type { Interval } from "./statistics.ts";

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

/** p as it counts: corrected; in parentheses where nothing is tested and the plain one is only to be looked at. */
export const pText = ({ p, corrected }: FigureComparison): string =>
  corrected === null ? `(${probability(p)})` : probability(corrected);

const probability = (p: number): string => (p < 0.0001 ? "<0.0001" : p.toFixed(p < 0.1 ? 4 : 2));

/** What is neither a time nor a rate is not faster, but better. */
const SIZES: readonly FigureComparison["class"][] = ["memory", "loss"];

/** A verdict as it is said of a figure. */
export function verdictWord(row: Pick<FigureComparison, "verdict" | "class">): string {
  if (SIZES.includes(row.class) && row.verdict === "faster") return "better";
  if (SIZES.includes(row.class) && row.verdict === "slower") return "worse";
  return row.verdict ?? "";
}

export const verdictText = (row: FigureComparison): string =>
  row.needed === null ? verdictWord(row) : `${verdictWord(row)}: takes ${neededText(row)} samples`;

/** How many samples per side an unknown verdict would take. */
export const neededText = ({ needed }: FigureComparison): string =>
  needed === null ? "" : `${needed.atLeast ? "≥ " : ""}${needed.samples}`;

/** By how much the figure itself changed: `12 % (8–15 %)`. */
function effectText({ change }: FigureComparison): string {
  if (!change) return "";
  const zero = change.scale === "ratio" ? 1 : 0;
  const unit = change.scale === "ratio" ? " %" : " points";
  const { estimate, interval } = change;
  const decimals = Math.abs(estimate - zero) < 0.0995 ? 1 : 0;
  const write = (value: number) => (Math.abs(value - zero) * 100).toFixed(decimals);
  if (!interval) return `${write(estimate)}${unit}`;
  const [low, high] = [interval.low, interval.high].toSorted(
    (a, b) => Math.abs(a - zero) - Math.abs(b - zero),
  );
  return `${write(estimate)}${unit} (${write(low)}–${write(high)}${unit})`;
}

/** What of a cell has such a verdict: `12 % (8–15 %) faster in fanout … by verified deliveries`. */
function changeOfCell({ name, rows }: CellComparison, verdict: FigureVerdict): string[] {
  const [first, ...others] = rows.filter((row) => row.verdict === verdict);
  if (!first) return [];
  const said = verdictWord(first);
  const more = others.map((row) => {
    const word = verdictWord(row);
    return ` and ${effectText(row)}${word === said ? "" : ` ${word}`} by ${row.label}`;
  });
  return [`${effectText(first)} ${said} in ${name} by ${first.label}${more.join("")}`];
}

/** What one would say to a colleague who asks how it went. */
export function sentence(comparison: Comparison): string {
  const { old, new: now, cells, faults } = comparison;
  const worse = faults.filter(({ change }) => change === "new");
  if (worse.length > 0) {
    const [first] = worse;
    const more = worse.length > 1 ? ` and ${worse.length - 1} more` : "";
    return `${now.name} is wrong where ${old.name} was right (${first.cell}: ${first.kind}${more}); no speed makes up for that.`;
  }
  if (comparison.tests === 0)
    return isVoid(comparison)
      ? `Nothing could be compared: no figure has valid samples of both ${old.name} and ${now.name}.`
      : `There are no figures to compare; nothing is newly wrong in ${now.name}.`;
  const changes = (["slower", "faster"] as const).flatMap((verdict) =>
    cells.flatMap((cell) => changeOfCell(cell, verdict)),
  );
  const open = unanswered(comparison);
  if (changes.length === 0) {
    const none = `No difference between ${old.name} and ${now.name} is shown`;
    return open ? `${none}; ${open}.` : `${none}, and these samples would show one of ${least(comparison)}.`;
  }
  const named = changes.slice(0, CELLS_NAMED);
  if (changes.length > named.length) named.push(`changed in ${changes.length - named.length} more places`);
  const rest = open ?? "nothing else changed that these samples can show";
  return `${now.name} is ${named.join(", ")}; ${rest}.`;
}

/** The threshold, as it was given: `5 %`. */
export const least = ({ threshold }: Comparison): string => `${Number((threshold * 100).toPrecision(3))} %`;

/** What the samples do not tell, and how many would. */
function unanswered(comparison: Comparison): string | undefined {
  const rows = comparison.cells.flatMap((cell) => cell.rows).filter(({ verdict }) => verdict === "unknown");
  if (rows.length === 0) return undefined;
  const [most] = rows
    .filter(({ needed }) => needed !== null)
    .sort((a, b) => b.needed!.samples - a.needed!.samples);
  const takes = most
    ? `, the noisiest ${neededText(most)} samples per side (--samples ${most.needed!.samples})`
    : "";
  const need = rows.length === 1 ? "figure needs" : "figures need";
  return `${rows.length} of ${comparison.tests} ${need} more samples to tell${takes}`;
}
