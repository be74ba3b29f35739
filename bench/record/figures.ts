/** The figure that stands for a cell in a table: the median of a metric, as far as it says something. */
import { lossOf, medianOf } from "./cells.ts";
import type { Metric } from "./metrics.ts";
import type { Sample } from "./record.ts";
import { isGeneratorLimited } from "./saturation.ts";

/** Undefined where nothing was measured, or where it would say nothing. */
export type Figure = { value: number | undefined; atLeast: boolean };

/** Before a figure that is only a lower bound. */
export const AT_LEAST = "≥ ";

/** Of `shown`, the samples that count; `samples` are all of the cell. */
export function figureOf(
  metric: Pick<Metric, "key" | "class">,
  samples: readonly Sample[],
  shown: readonly Sample[],
): Figure {
  const value = medianOf(shown, metric.key);
  if (metric.class !== "throughput") return { value, atLeast: false };
  // A rate of deliveries of which most did not arrive says nothing.
  if (lossOf(samples) > 0.5) return { value: undefined, atLeast: false };
  return { value, atLeast: value !== undefined && shown.some(isGeneratorLimited) };
}
