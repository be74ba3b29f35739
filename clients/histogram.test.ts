import { expect, test } from "bun:test";
import { createHistogram, encodeHistogram, mergeHistograms, percentile, recordLatency } from "./histogram.ts";

test("merging adds up, and keeps three digits", () => {
  const parts = [0, 1].map((part) => {
    const histogram = createHistogram();
    for (let i = 1; i <= 1000; i++) recordLatency(histogram, (i * 2 + part) * 1000);
    return encodeHistogram(histogram);
  });
  const merged = mergeHistograms(parts);
  expect(merged.totalCount).toBe(2000);
  const median = percentile(merged, 50)!;
  expect(Math.abs(median / 1_001_000 - 1)).toBeLessThan(0.002);
});

test("a percentile that the number of entries does not support is not told", () => {
  const histogram = createHistogram();
  for (let i = 0; i < 999; i++) recordLatency(histogram, i);
  expect(percentile(histogram, 99)).toBeUndefined();
  recordLatency(histogram, 5);
  expect(percentile(histogram, 99)).toBeDefined();
  expect(percentile(histogram, 99.9)).toBeUndefined();
});

test("what is longer than a minute counts as a minute, what is negative as nothing", () => {
  const histogram = createHistogram();
  recordLatency(histogram, 1e15);
  recordLatency(histogram, -5);
  expect(histogram.totalCount).toBe(2);
  expect(histogram.minNonZeroValue).toBeGreaterThan(59e9);
});
