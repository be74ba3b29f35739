/** The descriptions of metrics, and what else must agree with them. */
import { expect, test } from "bun:test";
import { scenarios } from "../scenarios/index.ts";
import { headlineOf, metrics } from "./metrics.ts";
import { METRICS_PAGE, metricsPage } from "./metrics-page.ts";

test("docs/metrics.md is what the descriptions say (bun bench/record/metrics-page.ts writes it)", async () => {
  expect(await Bun.file(METRICS_PAGE).text()).toBe(metricsPage());
});

test("each key and each label is given once", () => {
  const labels = [...metrics.values()].map(({ label }) => label);
  expect(new Set(labels).size).toBe(labels.length);
  expect(new Set([...metrics.values()].map(({ key }) => key)).size).toBe(metrics.size);
});

test("the columns of every scenario are metrics that there are", () => {
  const keys = scenarios
    .flatMap(({ tables = [] }) => tables.flatMap(({ columns, more = [] }) => [...columns, ...more]))
    .filter((column) => typeof column === "string");
  expect(keys.length).toBeGreaterThan(20);
  expect(keys.filter((key) => !metrics.has(key))).toEqual([]);
});

test("a latency stands for an open loop, and the rate for a closed one", () => {
  const figures = { "delivery.p50": 1, "delivery.p99": 2, requestRate: 3, serverMemoryPeak: 4 };
  const keyOf = (loop: string | undefined, measured: Record<string, number>) =>
    headlineOf([{ metrics: measured, parameters: loop ? { loop } : {} }])?.key;
  expect(keyOf("open", figures)).toBe("delivery.p99");
  expect(keyOf("open", { "delivery.p50": 1 })).toBe("delivery.p50");
  expect(keyOf("closed", figures)).toBe("requestRate");
  expect(keyOf(undefined, { serverMemoryPerConnection: 1 })).toBe("serverMemoryPerConnection");
  expect(keyOf("closed", { longestSilence: 1 })).toBeUndefined();
});
