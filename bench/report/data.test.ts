/** What the plots are drawn from. */
import { describe, expect, test } from "bun:test";
import { createHistogram, recordLatency } from "../../clients/histogram.ts";
import { Failure } from "../../platform/failure.ts";
import { logAxis, logDomain, logTicks } from "./chart.ts";
import { curveOf, groupsOf, histogramOf } from "./data.ts";
import { fixture } from "./fixture.ts";

describe("a percentile curve", () => {
  test("ends where fewer than ten values lie beyond", () => {
    const histogram = createHistogram();
    for (let i = 1; i <= 1000; i++) recordLatency(histogram, i * 1000);
    const curve = curveOf(histogram);
    expect(curve.at(-1)?.beyond).toBe(100);
    expect(curve.at(-1)?.value).toBeCloseTo(990_000, -4);
    expect(curve[0].beyond).toBe(1);
  });

  test("is empty of fewer than ten values", () => {
    const histogram = createHistogram();
    recordLatency(histogram, 5);
    expect(curveOf(histogram)).toEqual([]);
  });

  test("of a histogram that is none fails in one line", () => {
    const [sample] = fixture().samples;
    expect(() => histogramOf([{ ...sample, histograms: { delivery: "AAAA" } }], "delivery")).toThrow(Failure);
  });
});

describe("groups", () => {
  test("part by scenario, variant and server, and know which samples count", () => {
    const groups = groupsOf(fixture({ servers: ["bun", "go"], samples: 2 }));
    const group = groups.find(
      ({ variant, server }) => variant === "chat/bracket 10 closed" && server === "go",
    );
    expect(group?.samples.length).toBe(2);
    expect(group?.valid.length).toBe(2);
  });

  test("are in a person's order: 10 before 100 before 1000", () => {
    const sizes = groupsOf(fixture())
      .filter(({ variant }) => variant.endsWith("closed"))
      .map(({ variant }) => variant);
    expect(sizes).toEqual([10, 100, 1000].map((size) => `chat/bracket ${size} closed`));
  });
});

describe("a logarithmic axis", () => {
  test("has round ticks within its bounds, as many as there is room for", () => {
    expect(logTicks(1, 20)).toEqual([1, 2, 5, 10, 20]);
    expect(logTicks(3.5, 4.2)).toEqual([3.5, 3.6, 3.7, 3.8, 3.9, 4, 4.1, 4.2]);
    expect(logTicks(1, 1e6)).toEqual([1, 10, 100, 1e3, 1e4, 1e5, 1e6]);
  });

  test("labels every tick it was given", () => {
    const { ticks, tickFormat } = logAxis([1, 10], [1, 2, 5, 10], String, null);
    expect((ticks as number[]).map(tickFormat as (place: number) => string)).toEqual(["1", "2", "5", "10"]);
  });

  test("has bounds even where there is one value, or none above zero", () => {
    const [least, most] = logDomain([7]);
    expect(least).toBeLessThan(7);
    expect(most).toBeGreaterThan(7);
    expect(logDomain([0])).toEqual([1, 10]);
  });
});
