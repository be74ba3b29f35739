/**
 * From values to verdicts: how large the change of each figure is, with an interval that holds for all tested figures
 * together, and what that says. Only here is known how many figures there are.
 */
import { mean } from "simple-statistics";
import type { CellComparison, FigureComparison, FigureVerdict } from "./comparison.ts";
import { figuresOf, type Moderation, moderatedEstimate, moderationsOf, type Rounds } from "./moderated.ts";
import { answer, apartEstimate, type Estimate, levelOf, pairedEstimate } from "./rounds.ts";

import { whyHidden } from "./tails.ts";

export const DEFAULT_THRESHOLD = 0.05;
/** Least difference of a share, such as that of lost messages: a point of a hundred, where no ratio makes sense. */
const LEAST_POINTS = 0.01;

/**
 * One figure's values: of each sample of either side; and where samples were taken in pairs, the logarithm of each
 * round's ratio, and the difference of each round's values.
 */
export type Values = {
  old: number[];
  now: number[];
  logRatios?: number[];
  differences?: number[];
  /** Of runs apart: the logarithm of the ratio to the yardstick, in the blocks of each round of either side. */
  yardstick?: Sides;
};

type Sides = { old: Rounds; now: Rounds };

/**
 * By the yardstick two runs of one server still differ by some percent, which the rounds of neither show: the machine's
 * mood does not fall on server and yardstick quite alike. Standard deviation of a run's log ratio (docs/comparing.md).
 */
const OCCASION = 0.02;

/** A cell with the values behind its rows, by figure. */
export type Measured = CellComparison & { values: Map<string, Values> };

/** Gives every row its change, and every tested one its verdict. */
export function giveVerdicts(
  cells: Measured[],
  { threshold, looks, among }: { threshold: number; looks: number; among: number },
): void {
  const rows = cells.flatMap(({ rows, values }) =>
    rows.map((row) => ({ row, values: values.get(row.metric)! })),
  );
  const level = levelOf(rows.filter(({ row }) => row.tested).length, looks) / among;
  const found = moderations(rows);
  for (const { row, values } of rows) {
    const difference = differenceOf(values, level);
    const logRatio = row.unit === "share" ? undefined : logRatioOf(values, level, found.get(row.class));
    if (values.yardstick) row.raw = Math.exp(logMean(values.now) - logMean(values.old));
    row.rounds = values.differences?.length ?? null;
    row.ratios = row.unit === "share" ? null : (values.logRatios?.map(Math.exp) ?? null);
    row.change = row.unit === "share" ? pointsOf(values, difference) : ratioOf(values, logRatio);
    if (!row.tested) continue;
    const bound = Math.log(1 + threshold);
    if (row.unit === "share") row.verdict = verdictOf(row, difference, LEAST_POINTS);
    else if (values.yardstick && isSameBeside(values.yardstick, bound, found.get(row.class)))
      row.verdict = "same";
    else if (logRatio !== undefined) {
      row.verdict = verdictOf(row, logRatio, bound);
      row.why = whyHidden(row);
    } else {
      // Of values of which some are 0 there is no ratio; that one side is always above the other is seen all the same.
      const said = verdictOf(row, difference, Number.MIN_VALUE);
      row.verdict = said === "same" ? "undecided" : said;
      row.why = "some values are 0, so that there is no ratio";
    }
  }
}

const differenceOf = ({ old, now, differences }: Values, level: number): Estimate | null =>
  differences ? pairedEstimate(differences, level) : apartEstimate(old, now, level);

/** What all cells that are compared by the yardstick say of one of them, by class. */
const moderations = (rows: readonly { row: FigureComparison; values: Values }[]): Map<string, Moderation> =>
  moderationsOf(
    rows.flatMap(({ row, values: { yardstick } }) =>
      yardstick && row.tested ? [{ of: row.class, sides: [yardstick.old, yardstick.now] }] : [],
    ),
  );

const besideYardstick = ({ old, now }: Sides, level: number, by: Moderation | undefined): Estimate | null =>
  by
    ? moderatedEstimate(old, now, level, by, OCCASION ** 2)
    : apartEstimate(figuresOf(old), figuresOf(now), level, OCCASION ** 2);

/**
 * Equality is told of each figure by two one-sided tests at 5 %, as is usual (Schuirmann 1987), without a correction for
 * their number: that all are the same is only said where each of them is (an intersection-union test, Berger 1982). That is
 * the interval of 90 %.
 */
const SAME_LEVEL = 0.1;

const isSameBeside = (sides: Sides, bound: number, by: Moderation | undefined): boolean => {
  const found = besideYardstick(sides, SAME_LEVEL, by);
  return found !== null && answer(found, bound) === "same";
};

/** Undefined where a value is not above 0; null where there are too few for an interval. */
function logRatioOf(
  { old, now, logRatios, yardstick }: Values,
  level: number,
  by: Moderation | undefined,
): Estimate | null | undefined {
  if (yardstick) return besideYardstick(yardstick, level, by);
  if ([...old, ...now].some((value) => value <= 0)) return undefined;
  if (logRatios) return pairedEstimate(logRatios, level);
  return apartEstimate(old.map(Math.log), now.map(Math.log), level);
}

const logMean = (values: number[]) => mean(values.map(Math.log));

/** The change with its interval; of too few values for one, the bare change. */
function ratioOf(values: Values, found: Estimate | null | undefined): FigureComparison["change"] {
  if (found === undefined || values.logRatios?.length === 0) return null;
  const { old, now, logRatios, yardstick } = values;
  const bare = logRatios
    ? mean(logRatios)
    : yardstick
      ? mean(figuresOf(yardstick.now)) - mean(figuresOf(yardstick.old))
      : logMean(now) - logMean(old);
  const estimate = Math.exp(found?.estimate ?? bare);
  const interval = found && { low: Math.exp(found.low), high: Math.exp(found.high) };
  return { scale: "ratio", estimate, interval };
}

function pointsOf({ old, now }: Values, found: Estimate | null): FigureComparison["change"] {
  const estimate = found?.estimate ?? mean(now) - mean(old);
  return { scale: "difference", estimate, interval: found && { low: found.low, high: found.high } };
}

function verdictOf({ better }: FigureComparison, found: Estimate | null, bound: number): FigureVerdict {
  const said = found ? answer(found, bound) : "undecided";
  if (said === "same" || said === "undecided") return said;
  return said === better ? "faster" : "slower";
}
