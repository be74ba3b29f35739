/**
 * Which figures a comparison tests: those that their description says, as far as they say something in these samples.
 *
 * Every test can give a false alarm, and correcting for many makes real changes harder to see: so only a few figures
 * of each cell are tested, and all others are shown beside them. CPU time for each delivery stands beside the clock's,
 * since it is the steadier one on a machine that others use too.
 */
import type { Metric } from "../record/metrics.ts";
import type { Sample } from "../record/record.ts";
import { isGeneratorLimited, isOpen } from "../record/saturation.ts";

/** In an open loop the rate is what was asked for; where the load generator was the limit it is a lower bound. */
const isServersRate = (sample: Sample) => !isOpen(sample) && !isGeneratorLimited(sample);

/** The machine's mood falls on these as it falls on the yardstick. */
const BY_YARDSTICK: readonly Metric["class"][] = ["throughput", "server CPU", "median latency"];
/** One round shows nothing of how rounds of its cell differ: it could only borrow that of others. */
const LEAST_OF_ROUNDS = 2;
/** What a process holds does not depend on the machine's mood; so many samples of a side show how it spreads. */
const LEAST_OF_MEMORY = 4;

/**
 * Whether a figure of runs apart that have a yardstick is tested: those that were measured beside it. Tails are the
 * machine's as much as a server's, and of few rounds they decide nothing; what nothing stood beside, or only once, is
 * only shown.
 * @param rounds how many of either side have the figure by the yardstick @param samples how many have it at all
 */
export function isTestedApart(
  metric: Metric,
  rounds: readonly number[],
  samples: readonly number[],
): boolean {
  if (BY_YARDSTICK.includes(metric.class)) return Math.min(...rounds) >= LEAST_OF_ROUNDS;
  return metric.class === "loss" || (metric.class === "memory" && Math.min(...samples) >= LEAST_OF_MEMORY);
}

/** Whether a figure is tested, in samples of one cell; a loss that never differs from 0 has nothing to say. */
export function isTested(metric: Metric, samples: readonly Sample[]): boolean {
  if (metric.shown !== "tested") return false;
  if (metric.class === "loss") return samples.some((sample) => sample.metrics[metric.key] > 0);
  return metric.class !== "throughput" || samples.every(isServersRate);
}
