import { expect, test } from "bun:test";
import { medianInterval } from "./statistics.ts";

test("a median's interval takes the ranks of the binomial distribution, and needs six samples", () => {
  expect(medianInterval([1, 2, 3, 4, 5])).toBeNull();
  expect(medianInterval([6, 2, 3, 4, 5, 1])).toEqual({ low: 1, high: 6 });
  const values = Array.from({ length: 20 }, (_, i) => i + 1);
  expect(medianInterval(values)).toEqual({ low: 6, high: 15 });
});
