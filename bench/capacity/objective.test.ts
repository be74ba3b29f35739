import { describe, expect, test } from "bun:test";
import { sampleOf } from "../compare/testing.ts";
import { metrics, metricTable } from "../record/metrics.ts";
import { parseObjective, unmet } from "./objective.ts";

const sample = sampleOf({
  parameters: { loop: "open", rate: 1000 },
  metrics: { "delivery.p99": 4e6, "last.p999": 20e6, serverCpuPerDelivery: 900, achievedRate: 1000 },
  counts: { expected: 1000, lost: 5 },
});
const problems = (objective: string) => unmet(parseObjective(objective), sample);

describe("an objective", () => {
  test.each([
    ["p99<5ms", []],
    ["p99<4ms", ["p99<4ms: 4 ms"]],
    ["p99<=4ms", []],
    ["p99 < 4001us", []],
    ["delivery.p99<0.1s,last.p99.9<=20ms", []],
    ["last.p99.9<20ms", ["last.p99.9<20ms: 20 ms"]],
    ["loss=0", ["loss=0: 0.5 %"]],
    ["loss<1%", []],
    ["loss<0.01", []],
    ["loss<0.5%", ["loss<0.5%: 0.5 %"]],
    ["serverCpuPerDelivery<1us", []],
    ["achievedRate>=1k", []],
    ["achievedRate>1k", ["achievedRate>1k: 1 k/s"]],
    ["p50<1ms", ["p50<1ms: too few values to tell"]],
  ])("%s misses %j", (objective, missed) => {
    expect(problems(objective)).toEqual(missed);
  });

  test("p99 is of round trips where there are no deliveries", () => {
    const requests = sampleOf({ metrics: { "roundTrip.p99": 1e6 }, counts: { sent: 100, missing: 1 } });
    expect(unmet(parseObjective("p99<2ms,loss=0"), requests)).toEqual(["loss=0: 1.0 %"]);
  });

  test.each([
    ["p99", '"p99" is no clause'],
    ["p99<5", '"p99<5" lacks a unit: one of ns, us, µs, ms, s'],
    ["p99>5ms", '"p99>5ms" bounds it on the wrong side: of p99, lower is better'],
    ["deliveryRate<5k", "higher is better"],
    ["speed<5ms", 'there is no metric "speed"'],
    ["constructor<5ms", 'there is no metric "constructor"'],
    ["", '"" is no clause'],
    [`${"a".repeat(100)}<5ms`, "is no clause"],
  ])("%s is refused, by name", (objective, words) => {
    expect(() => parseObjective(objective)).toThrow(words);
    expect(() => parseObjective(objective)).toThrow(`--objective ${objective}: `);
  });

  test("takes any metric that is described", () => {
    const mine = metricTable([
      ...metrics.values(),
      {
        ...{ key: "jokes", label: "jokes told", heading: "jokes", unit: "count", better: "higher" },
        ...{ class: "other", shown: "tested" },
      } as const,
    ]);
    const told = (jokes: number) => unmet(parseObjective("jokes>=3", mine), sampleOf({ metrics: { jokes } }));
    expect([told(3), told(2)]).toEqual([[], ["jokes>=3: 2"]]);
  });
});
