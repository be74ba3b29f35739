/** Latency histograms: HDR, three significant digits, nanoseconds up to a minute, mergeable by adding. */
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from "hdr-histogram-js";

export type { Histogram };

const HIGHEST = 60e9;

export function createHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    useWebAssembly: false,
  });
}

/** Enters a latency; what is longer than a minute counts as a minute, and less than 0 as 0. */
export function recordLatency(histogram: Histogram, nanoseconds: number): void {
  const value = Math.round(nanoseconds);
  histogram.recordValue(Math.max(0, Math.min(HIGHEST, value)));
}

/** The histogram as text that any HDR implementation reads (V2 compressed, base64). */
export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

export function decodeHistogram(text: string): Histogram {
  return decodeFromCompressedBase64(text, 32);
}

/** Adds histograms up: the only right way to join percentiles of several fleets or samples. */
export function mergeHistograms(texts: readonly string[]): Histogram {
  const sum = createHistogram();
  for (const text of texts) sum.add(decodeHistogram(text));
  return sum;
}

export const percentilesShown = [50, 90, 99, 99.9, 99.99] as const;

/**
 * The value at a percentile, or undefined when fewer than ten samples lie beyond it: such a percentile is one
 * sample's luck. p50 needs 20 samples, p99.99 100,000.
 */
export function percentile(histogram: Histogram, p: number): number | undefined {
  return histogram.totalCount * (1 - p / 100) >= 10 - 1e-6 ? histogram.getValueAtPercentile(p) : undefined;
}
