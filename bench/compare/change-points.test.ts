import { describe, expect, test } from "bun:test";
import { changePoints, MOST_VALUES } from "./change-points.ts";
import { normal } from "./testing.ts";

/** Logarithms of figures with 3 % of noise, which are 10 % higher from `at` on. */
function series(count: number, at: number, next: () => number): number[] {
  return Array.from({ length: count }, (_, i) => 0.03 * next() + (i >= at ? Math.log(1.1) : 0));
}

const shareOf = (series: number, trial: () => boolean) =>
  Array.from({ length: series }, trial).filter(Boolean).length / series;

describe.each([
  ["3 % of noise", false, 0.9],
  ["3 % of noise, and one value in ten as far off as 12 %", true, 0.8],
] as const)("%s", (_, heavy, found) => {
  test.each([8, 40])("of series of %p without a change at most 1 in 20 is marked", (count) => {
    const next = normal(3, heavy);
    expect(shareOf(400, () => changePoints(series(count, count, next)).length > 0)).toBeLessThan(0.05);
  });

  test("a step of 10 % after 20 of 40 is found, at most one place off", () => {
    const next = normal(4, heavy);
    const near = () => changePoints(series(40, 20, next)).some((at) => Math.abs(at - 20) <= 1);
    expect(shareOf(200, near)).toBeGreaterThan(found);
  });
});

test("two steps are two places", () => {
  const next = normal(5);
  const values = series(45, 15, next).map((value, i) => value + (i >= 15 ? 0.1 : 0) + (i >= 30 ? 0.2 : 0));
  const found = changePoints(values);
  expect(found).toHaveLength(2);
  expect(found[0]).toBeWithin(14, 17);
  expect(found[1]).toBeWithin(29, 32);
});

test("one value that stands out is no change, and neither is a series too short to tell", () => {
  const next = normal(6);
  const outlier = series(20, 20, next).map((value, i) => value + (i === 19 ? 1 : 0));
  for (const values of [[], [1], [1, 2], [1, 1, 2, 2], outlier]) expect(changePoints(values)).toEqual([]);
});

test("equal values have no change; the same values have the same places", () => {
  expect(changePoints(Array.from({ length: 30 }, () => 7))).toEqual([]);
  const values = series(30, 12, normal(7));
  expect(changePoints(values)).toEqual(changePoints(values));
});

test("of very long series the last values are searched, by their own places", () => {
  const next = normal(8);
  const values = [...series(100, 50, next), ...series(MOST_VALUES, MOST_VALUES - 30, next)];
  const [first, ...more] = changePoints(values);
  expect(more).toEqual([]);
  expect(first).toBeWithin(100 + MOST_VALUES - 32, 100 + MOST_VALUES - 27);
});
