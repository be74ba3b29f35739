/**
 * Deciding from rounds. A round starts fresh processes of both servers, and in each of its blocks both are driven one
 * right after the other; its figure is the median of the log ratios within its blocks. Blocks of one round share their
 * processes, so that only rounds are independent (Kalibera and Jones 2013): the interval is Student's, of rounds. Sides
 * that were measured apart have Welch's.
 *
 * A run may be looked at after several rounds, and ends as soon as the answer is there. Each look may be wrong by
 * chance, so that the chance of an error is shared out over all looks that there can be, and over the tested figures
 * (Bonferroni): nothing has to be assumed of how they hang together.
 */
import jStat from "jstat";
import { mean, sampleVariance } from "simple-statistics";

/** Chance of one false alarm in a comparison of two equal servers, over all tested figures and looks. */
export const LEVEL = 0.01;

/** After how many rounds is looked: with fewer an interval hardly ever tells, and with many one more does not either. */
export const LOOKS: readonly number[] = [4, 5, 6, 8, 10, 13, 16, 20, 25, 31, 39, 49];

/** Whether it is time to look: at no other number of rounds may a run end for what it has found. */
export const isLook = (rounds: number): boolean => LOOKS.includes(rounds);

/** The chance of an error that one look at one figure may have, of so many tested figures. */
export const levelOf = (figures: number, looks: number): number =>
  LEVEL / Math.max(1, figures) / Math.max(1, looks);

export type Interval = { low: number; high: number };
export type Estimate = Interval & { estimate: number };

/** Student's interval around an estimate, of its standard error. */
export const around = (estimate: number, error: number, freedom: number, level: number): Estimate => {
  const half = error === 0 ? 0 : jStat.studentt.inv(1 - level / 2, freedom) * error;
  return { estimate, low: estimate - half, high: estimate + half };
};

/** The mean of paired differences with its interval; null for fewer than two, which show no spread. */
export function pairedEstimate(differences: readonly number[], level: number): Estimate | null {
  const n = differences.length;
  if (n < 2) return null;
  const values = [...differences];
  return around(mean(values), Math.sqrt(sampleVariance(values) / n), n - 1, level);
}

/**
 * By how much the second side's mean lies above the first's, each with its own spread (Welch 1947).
 * @param floor variance that each side's mean has on top, which its own values cannot show
 */
export function apartEstimate(
  a: readonly number[],
  b: readonly number[],
  level: number,
  floor = 0,
): Estimate | null {
  if (a.length < 2 || b.length < 2) return null;
  const [u, v] = [sampleVariance([...a]) / a.length, sampleVariance([...b]) / b.length];
  const freedom = u + v === 0 ? 1 : (u + v) ** 2 / (u ** 2 / (a.length - 1) + v ** 2 / (b.length - 1));
  return around(mean([...b]) - mean([...a]), Math.sqrt(u + v + 2 * floor), freedom, level);
}

/** What is said of the second server's figure beside the first's. */
export type Answer = "higher" | "lower" | "same" | "undecided";

/**
 * Higher or lower: the interval leaves out "no difference", and the estimate is at least half of the bound, so that a
 * difference nobody cares for is not told as one. Same: the whole interval lies within the bound.
 */
export function answer({ estimate, low, high }: Estimate, bound: number): Answer {
  if (low > -bound && high < bound) return "same";
  if (low > 0 && estimate >= bound / 2) return "higher";
  if (high < 0 && estimate <= -bound / 2) return "lower";
  return "undecided";
}
