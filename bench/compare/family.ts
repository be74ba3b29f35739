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

/** Whether a figure is tested, in samples of one cell; a loss that never differs from 0 has nothing to say. */
export function isTested(metric: Metric, samples: readonly Sample[]): boolean {
  if (metric.shown !== "tested") return false;
  if (metric.class === "loss") return samples.some((sample) => sample.metrics[metric.key] > 0);
  return metric.class !== "throughput" || samples.every(isServersRate);
}
