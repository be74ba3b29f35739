/**
 * Deciding from few rounds of many cells. Two rounds a side show next to nothing of one figure's spread, and Student's
 * interval of them is many times too wide. But there is more to go by than two values:
 * - within a round, how far its blocks lie apart, a handful of them in each round of either side;
 * - of all cells of a class, how far these variances lie apart, which tells what one of them is to be expected to be: each is
 *   moved towards that (empirical Bayes: Smyth 2004, Statistical Applications in Genetics and Molecular Biology 3(1));
 * - over all cells, how much of the variance of blocks is left in the figures of rounds: one factor for all of them, which
 *   has in it what fresh processes add.
 */
import { mean, median, sampleVariance } from "simple-statistics";
import { around, type Estimate } from "./rounds.ts";

/** Log ratios of blocks, by round. */
export type Rounds = readonly (readonly number[])[];

/** A variance, and how many degrees of freedom stand behind it. */
export type Spread = { variance: number; freedom: number };

/** What the variances of many cells say of one more. `most` are the degrees of freedom of all of them together. */
export type Prior = Spread & { most: number };

/** Of blocks, by the cells of a class; and how much of it is left in a round's figure. */
export type Moderation = { prior: Prior; left: number };

/** Fewer do not show how far variances lie apart. */
const LEAST_CELLS = 3;
/** As a share of the middle variance: values that agree by chance, or by rounding, would have a logarithm far from all. */
const LEAST_SHARE = 1e-3;

/** How far values lie about the mean of their own group; undefined where no group has two. */
export function spreadOf(groups: Rounds): Spread | undefined {
  const known = groups.filter(({ length }) => length > 1);
  const freedom = known.reduce((sum, { length }) => sum + length - 1, 0);
  if (freedom === 0) return undefined;
  const squares = known.reduce((sum, group) => sum + sampleVariance([...group]) * (group.length - 1), 0);
  return { variance: squares / freedom, freedom };
}

/** For normal values, the squared mean deviation as a variance, and how many of its degrees of freedom that is worth. */
const MEAN_DEVIATION = { variance: Math.PI / 2, worth: 0.88 };

/**
 * How far the blocks of rounds lie about their round's median. By the mean deviation, since a block that something else
 * fell upon hardly moves the median, and is not to count as if it did, as its square would.
 */
export function blockSpreadOf(rounds: Rounds): Spread | undefined {
  const known = rounds.filter(({ length }) => length > 1);
  if (known.length === 0) return undefined;
  const deviations = known.flatMap((blocks) => {
    const middle = median([...blocks]);
    return blocks.map((block) => Math.abs(block - middle));
  });
  const freedom = deviations.length - known.length;
  const variance = (mean(deviations) ** 2 * MEAN_DEVIATION.variance * deviations.length) / freedom;
  return { variance, freedom: freedom * MEAN_DEVIATION.worth };
}

/** What rounds say, each by the median of its blocks. */
export const figuresOf = (rounds: Rounds): number[] => rounds.map((blocks) => median([...blocks]));

/** One entry a cell: its class, and the rounds of each side. */
export type ModeratedCell = { of: string; sides: readonly Rounds[] };

/** What all cells together say of one of each class, where there are enough of them. */
export function moderationsOf(cells: readonly ModeratedCell[]): Map<string, Moderation> {
  const priors = new Map(
    [...Map.groupBy(cells, ({ of }) => of)].flatMap(([of, list]) => {
      const prior = priorOf(list.flatMap(({ sides }) => blockSpreadOf(sides.flat()) ?? []));
      return prior ? [[of, prior] as const] : [];
    }),
  );
  const left = leftOf(cells, priors);
  return new Map([...priors].map(([of, prior]) => [of, { prior, left }]));
}

/** Of the variance of blocks, what is left in a round's median: no less than in the mean of so many that are independent. */
function leftOf(cells: readonly ModeratedCell[], priors: ReadonlyMap<string, Prior>): number {
  const most = Math.max(1, ...cells.flatMap(({ sides }) => sides.flat().map(({ length }) => length)));
  const shares = cells.flatMap(({ of, sides }) => {
    const prior = priors.get(of);
    const between = spreadOf(sides.map(figuresOf));
    if (!prior || !between) return [];
    const { variance } = moved(blockSpreadOf(sides.flat()) ?? NOTHING, prior);
    return [{ share: between.variance / variance, freedom: between.freedom }];
  });
  const freedom = shares.reduce((sum, one) => sum + one.freedom, 0);
  // Of independent values about a normal one the median has π/2 times the mean's.
  if (freedom === 0) return Math.PI / 2 / most;
  return Math.max(1 / most, shares.reduce((sum, one) => sum + one.share * one.freedom, 0) / freedom);
}

/** The prior of cells' variances; undefined where there are too few of them. */
export function priorOf(spreads: readonly Spread[]): Prior | undefined {
  if (spreads.length < LEAST_CELLS) return undefined;
  const least = median(spreads.map(({ variance }) => variance)) * LEAST_SHARE;
  const most = spreads.reduce((sum, { freedom }) => sum + freedom, 0);
  if (least === 0) return undefined;
  // The logarithm of a variance of d degrees of freedom has the mean log s² + digamma(d/2) − log(d/2).
  const logs = spreads.map(
    ({ variance, freedom }) =>
      Math.log(Math.max(variance, least)) - digamma(freedom / 2) + Math.log(freedom / 2),
  );
  // What is left of their spread when that of so few degrees of freedom is taken off.
  const between = sampleVariance(logs) - mean(spreads.map(({ freedom }) => trigamma(freedom / 2)));
  if (between > 0) {
    const half = trigammaInverse(between);
    return { variance: Math.exp(mean(logs) + digamma(half) - Math.log(half)), freedom: 2 * half, most };
  }
  // They spread no farther than equal ones would: one for all of them.
  const variance = spreads.reduce((sum, one) => sum + one.variance * one.freedom, 0) / most;
  return { variance, freedom: Number.POSITIVE_INFINITY, most };
}

/**
 * By how much the second side's mean lies above the first's.
 * @param floor variance that each side's mean has on top, which its own values cannot show
 */
export function moderatedEstimate(
  a: Rounds,
  b: Rounds,
  level: number,
  { prior, left }: Moderation,
  floor = 0,
): Estimate | null {
  if (a.length === 0 || b.length === 0) return null;
  const { variance, freedom } = moved(blockSpreadOf([...a, ...b]) ?? NOTHING, prior);
  const error = Math.sqrt(left * variance * (1 / a.length + 1 / b.length) + 2 * floor);
  return around(mean(figuresOf(b)) - mean(figuresOf(a)), error, freedom, level);
}

/** A mean with its interval. */
export function moderatedMean(rounds: Rounds, level: number, { prior, left }: Moderation): Estimate {
  const { variance, freedom } = moved(blockSpreadOf(rounds) ?? NOTHING, prior);
  return around(mean(figuresOf(rounds)), Math.sqrt((left * variance) / rounds.length), freedom, level);
}

const NOTHING: Spread = { variance: 0, freedom: 0 };

function moved(own: Spread, prior: Prior): Spread {
  if (prior.freedom === Number.POSITIVE_INFINITY) return { variance: prior.variance, freedom: prior.most };
  const all = own.freedom + prior.freedom;
  const variance = (own.variance * own.freedom + prior.variance * prior.freedom) / all;
  // No more than there are values behind it.
  return { variance, freedom: Math.min(all, prior.most) };
}

/** From here on the asymptotic series (Abramowitz and Stegun 6.3.18, 6.4.12) is good to eight digits. */
const FAR = 8;

export function digamma(x: number): number {
  if (x < FAR) return digamma(x + 1) - 1 / x;
  const square = 1 / (x * x);
  return Math.log(x) - 1 / (2 * x) - square * (1 / 12 - square * (1 / 120 - square / 252));
}

export function trigamma(x: number): number {
  if (x < FAR) return trigamma(x + 1) + 1 / (x * x);
  const square = 1 / (x * x);
  return 1 / x + square / 2 + (square / x) * (1 / 6 - square * (1 / 30 - square / 42));
}

/** It falls all the way, so that halving finds it. */
function trigammaInverse(value: number): number {
  let [low, high] = [-20, 20];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (trigamma(Math.exp(middle)) > value) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}
