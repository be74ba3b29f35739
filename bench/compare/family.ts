/**
 * Which figures a comparison tests, and how they are summed up over scenarios.
 *
 * Every test can give a false alarm, and correcting for many makes real changes harder to see: so only these
 * few figures of each cell are tested, and all others are shown beside them. CPU time for each delivery stands
 * beside the clock's, since it is the steadier one on a machine that others use too.
 */
import type { Sample } from "../record/record.ts";
import { isGeneratorLimited } from "../record/saturation.ts";

/** What a tested figure belongs to; a cell has at most one figure of each class. */
export const classes: Record<string, readonly string[]> = {
  throughput: ["deliveryRate", "requestRate"],
  "server CPU": ["serverCpuPerDelivery", "serverCpuPerRequest"],
  "median latency": ["delivery.p50", "roundTrip.p50"],
  "tail latency": ["delivery.p99", "roundTrip.p99"],
  "last receiver": ["last.p99"],
  loss: ["lossShare"],
};

const tested = new Set(Object.values(classes).flat());

const rates = new Set(classes.throughput);

/** In an open loop the rate is what was asked for; where the fleet was the limit it is a lower bound. */
const isServersRate = (sample: Sample) => sample.parameters.loop !== "open" && !isGeneratorLimited(sample);

/** Whether a figure is tested, in samples of one cell; one that never differs from 0 has nothing to say. */
export function isTested(metric: string, samples: readonly Sample[]): boolean {
  if (!tested.has(metric)) return false;
  if (metric === "lossShare") return samples.some((sample) => sample.metrics[metric] > 0);
  return !rates.has(metric) || samples.every(isServersRate);
}
