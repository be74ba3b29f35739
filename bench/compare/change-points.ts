/**
 * Where a series of figures changed its level: E-divisive (Matteson and James 2014), the search that Hunter builds on
 * for performance tests (Fleming et al. 2023). A series is cut where the values on both sides differ most by the energy
 * statistic, if hardly any random order of the same values (Fisher's permutation test) can be cut as well; then either
 * part is searched by itself. Hunter puts a t-test in place of the permutations. They are kept here, because they
 * assume nothing of the noise: on a machine that others use, some runs lie far off, and Student's mean follows them.
 */
import { seededRandom, shuffled } from "../../platform/random.ts";

/** Chance that a series without any change is cut at all. */
export const CHANGE_LEVEL = 0.01;
/** One value that stands out is noise until the next one repeats it. */
const LEAST_PART = 2;
const PERMUTATIONS = 999;
/** The statistic costs the square of the series' length, so that only the last values are searched. */
export const MOST_VALUES = 200;
const SEED = 1;

/** Indices at which a new level begins, in order; the same for the same values. */
export function changePoints(values: readonly number[]): number[] {
  const skipped = Math.max(0, values.length - MOST_VALUES);
  const random = seededRandom(SEED);
  return cuts(values.slice(skipped), random).map((index) => index + skipped);
}

function cuts(values: readonly number[], random: () => number): number[] {
  const found = bestCut(values);
  if (!found || !isRare(values, found.statistic, random)) return [];
  const { at } = found;
  return [
    ...cuts(values.slice(0, at), random),
    at,
    ...cuts(values.slice(at), random).map((index) => index + at),
  ];
}

/** Whether the values in random order are hardly ever cut as well; stops as soon as they were too often. */
function isRare(values: readonly number[], statistic: number, random: () => number): boolean {
  const allowed = Math.floor(CHANGE_LEVEL * (PERMUTATIONS + 1)) - 1;
  for (let taken = 0, asGood = 0; taken < PERMUTATIONS; taken++) {
    const order = shuffled(values.length, random);
    const other = bestCut(order.map((i) => values[i]));
    if (other && other.statistic >= statistic && ++asGood > allowed) return false;
  }
  return true;
}

/**
 * The cut with the largest energy statistic: twice the mean distance between the parts, less the mean distances within
 * them, weighted by their sizes. Sums of distances are kept up from cut to cut. Undefined where no two parts can be had.
 */
function bestCut(values: readonly number[]): { at: number; statistic: number } | undefined {
  const n = values.length;
  const toAll = values.map((value) => values.reduce((sum, other) => sum + Math.abs(value - other), 0));
  const all = toAll.reduce((a, b) => a + b, 0) / 2;
  let best: { at: number; statistic: number } | undefined;
  for (let at = 1, before = 0, after = all; at <= n - LEAST_PART; at++) {
    let toBefore = 0;
    for (let i = 0; i < at - 1; i++) toBefore += Math.abs(values[at - 1] - values[i]);
    before += toBefore;
    after -= toAll[at - 1] - toBefore;
    if (at < LEAST_PART) continue;
    const rest = n - at;
    const between = (2 * (all - before - after)) / (at * rest);
    const within = (2 * before) / (at * (at - 1)) + (2 * after) / (rest * (rest - 1));
    const statistic = ((at * rest) / n) * (between - within);
    if (!best || statistic > best.statistic) best = { at, statistic };
  }
  return best;
}
