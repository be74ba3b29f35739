import { describe, expect, test } from "bun:test";
import { compareServers } from "../compare/compare.ts";
import { fails } from "../compare/comparison.ts";
import { sentence } from "../compare/words.ts";
import { baselineServers, judgeComparison, limits, RECOMMENDED_SAMPLES, readBaseline } from "./aa.ts";

const baseline = await readBaseline();
const trials = 100;

describe("on recorded samples of real servers", () => {
  test("a server compared with itself gives two false alarms in 100 at most, one slowed by 10 % is found in 95", () => {
    const { falseAlarms, found } = judgeComparison(baseline, {
      samples: RECOMMENDED_SAMPLES,
      trials,
      seed: 1,
    });
    expect(falseAlarms).toBeLessThanOrEqual(limits.falseAlarms);
    expect(found).toBeGreaterThanOrEqual(limits.found);
  });

  test("five samples per side give no more false alarms: they find less", () => {
    const { falseAlarms, found } = judgeComparison(baseline, { samples: 5, trials, seed: 1 });
    expect(falseAlarms).toBeLessThanOrEqual(limits.falseAlarms);
    expect(found).toBeLessThan(limits.found);
  });

  test("all samples together show what the servers are", () => {
    const { a, again, slow } = baselineServers;
    expect(fails(compareServers(baseline, a, again), "change")).toBeFalse();
    expect(fails(compareServers(baseline, a, slow), "regression")).toBeTrue();
    expect(sentence(compareServers(baseline, again, slow))).toContain("slower");
  });
});
