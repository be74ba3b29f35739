/**
 * Deciding from few rounds of many cells. Two rounds a side show next to nothing of one figure's spread, and Student's
 * interval of them is many times too wide. But a run has the same kind of figure of twenty cells, and how far their
 * variances lie apart tells what one of them is to be expected to be: each is moved towards that, and the interval has the
 * degrees of freedom of both (empirical Bayes: Smyth 2004, Statistical Applications in Genetics and Molecular Biology 3(1)).
 */
import { mean, median, sampleVariance } from "simple-statistics";
import { around, type Estimate } from "./rounds.ts";

/** A variance, and how many degrees of freedom stand behind it. */
export type Spread = { variance: number; freedom: number };

/** What the variances of many cells say of one more. `most` are the degrees of freedom of all of them together. */
export type Prior = Spread & { most: number };

/** Fewer do not show how far variances lie apart. */
const LEAST_CELLS = 3;
/** As a share of the middle variance: values that agree by chance, or by rounding, would have a logarithm far from all. */
const LEAST_SHARE = 1e-3;

/** How far each side's values lie about its own mean; undefined where neither has two. */
export function spreadOf(a: readonly number[], b: readonly number[]): Spread | undefined {
  const sides = [a, b].filter(({ length }) => length > 1);
  const freedom = sides.reduce((sum, { length }) => sum + length - 1, 0);
  if (freedom === 0) return undefined;
  const squares = sides.reduce((sum, side) => sum + sampleVariance([...side]) * (side.length - 1), 0);
  return { variance: squares / freedom, freedom };
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
 * By how much the second side's mean lies above the first's, by the cell's own variance moved towards the prior.
 * @param floor variance that each side's mean has on top, which its own values cannot show
 */
export function moderatedEstimate(
  a: readonly number[],
  b: readonly number[],
  level: number,
  prior: Prior,
  floor = 0,
): Estimate | null {
  if (a.length === 0 || b.length === 0) return null;
  const { variance, freedom } = moved(spreadOf(a, b) ?? NOTHING, prior);
  const error = Math.sqrt(variance * (1 / a.length + 1 / b.length) + 2 * floor);
  return around(mean([...b]) - mean([...a]), error, freedom, level);
}

/** A mean with its interval, by its own variance moved towards the prior. */
export function moderatedMean(values: readonly number[], level: number, prior: Prior): Estimate {
  const { variance, freedom } = moved(spreadOf(values, []) ?? NOTHING, prior);
  return around(mean([...values]), Math.sqrt(variance / values.length), freedom, level);
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
