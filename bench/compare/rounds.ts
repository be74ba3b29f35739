/**
 * Deciding from paired rounds. A round starts fresh processes of both servers, and in each of its blocks both are driven
 * one right after the other; its figure is the median of the log ratios within its blocks. Blocks of one round share
 * their processes, so that only rounds are independent (Kalibera and Jones 2013): the interval is Student's, of rounds.
 *
 * It may be looked at after several of them, and a run ends as soon as the answer is there. Each look may be wrong by
 * chance, so that the chance of an error is shared out over all looks that there can be, and over the tested figures
 * (Bonferroni): nothing has to be assumed of how they hang together.
 */
import jStat from "jstat";
import { median } from "simple-statistics";

/** Chance of one false alarm in a comparison of two equal servers, over all tested figures and looks. */
export const LEVEL = 0.01;
export const DEFAULT_THRESHOLD = 0.05;

/** After how many rounds is looked: with fewer an interval hardly ever tells, and with many one more does not either. */
export const LOOKS: readonly number[] = [4, 5, 6, 8, 10, 13, 16, 20, 25, 31, 39, 49];

/** How many times the second server's figure is the first's, as its logarithm. */
export type Estimate = { ratio: number; low: number; high: number; rounds: number };

/** Of one figure: what is said of the second server's beside the first's, `undecided` included. */
export type Answer = "higher" | "lower" | "same" | "undecided";

/** A round's figure: the median of the log ratios of its blocks; undefined where a block has none that is above 0. */
export function roundFigure(first: readonly number[], second: readonly number[]): number | undefined {
  const ratios = first.flatMap((value, block) =>
    value > 0 && second[block] > 0 ? [Math.log(second[block] / value)] : [],
  );
  return ratios.length > 0 && ratios.length * 2 > first.length ? median(ratios) : undefined;
}

/** The chance of an error that one look at one figure may have, of so many tested figures. */
export const levelOf = (figures: number): number => LEVEL / Math.max(1, figures) / LOOKS.length;

/** Ratios with their interval, from log ratios; null for fewer than two rounds, which show no spread. */
export function estimate(rounds: readonly number[], level: number): Estimate | null {
  const n = rounds.length;
  if (n < 2) return null;
  const mean = rounds.reduce((sum, value) => sum + value, 0) / n;
  const variance = rounds.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = jStat.studentt.inv(1 - level / 2, n - 1) * Math.sqrt(variance / n);
  return { ratio: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half), rounds: n };
}

/**
 * Higher or lower: the interval leaves out "no difference", and the estimate is at least half of the threshold, so that
 * a difference nobody cares for is not told as one. Same: the whole interval lies within the threshold.
 */
export function answer({ ratio, low, high }: Estimate, threshold: number): Answer {
  const bound = 1 + threshold;
  if (low > 1 / bound && high < bound) return "same";
  const matters = Math.abs(Math.log(ratio)) >= Math.log(bound) / 2;
  if (low > 1 && matters) return "higher";
  if (high < 1 && matters) return "lower";
  return "undecided";
}

/** Whether it is time to look: at no other number of rounds may a run end for what it has found. */
export const isLook = (rounds: number): boolean => LOOKS.includes(rounds);
