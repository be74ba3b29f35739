/** What many cells' variances say of one, against values that were worked out elsewhere and draws of known spread. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../platform/random.ts";
import { digamma, moderatedEstimate, priorOf, spreadOf, trigamma } from "./moderated.ts";

const random = seededRandom(7);
/** Normal, by Box and Muller. */
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const draws = (n: number, deviation: number) => Array.from({ length: n }, () => normal() * deviation);

test.each([
  [1, -0.577_215_664_9, 1.644_934_066_8],
  [0.5, -1.963_510_026, 4.934_802_200_5],
  [20, 2.970_523_992_2, 0.051_270_822_9],
])("digamma and trigamma of %p", (x, first, second) => {
  expect(digamma(x)).toBeCloseTo(first, 7);
  expect(trigamma(x)).toBeCloseTo(second, 7);
});

describe("a prior", () => {
  test("of equal variances is the one of all, with the degrees of freedom of all", () => {
    const spreads = Array.from({ length: 200 }, () => spreadOf(draws(2, 0.1), draws(2, 0.1))!);
    const prior = priorOf(spreads)!;
    expect(Math.sqrt(prior.variance)).toBeGreaterThan(0.085);
    expect(Math.sqrt(prior.variance)).toBeLessThan(0.115);
    expect(prior.freedom).toBeGreaterThan(10);
    expect(prior.most).toBe(400);
  });

  test("of variances that lie far apart has few degrees of freedom", () => {
    const spreads = Array.from({ length: 200 }, (_, i) => {
      const deviation = i % 2 === 0 ? 0.01 : 1;
      return spreadOf(draws(8, deviation), draws(8, deviation))!;
    });
    expect(priorOf(spreads)!.freedom).toBeLessThan(3);
  });

  test("of two cells there is none, and of values that never differ neither", () => {
    expect(priorOf([spreadOf([1, 2], [1, 3])!, spreadOf([1, 2], [1, 3])!])).toBeUndefined();
    expect(priorOf(Array.from({ length: 5 }, () => spreadOf([1, 1], [1, 1])!))).toBeUndefined();
  });
});

test("the interval of two rounds a side covers nothing where there is nothing, as often as it says", () => {
  const cells = Array.from({ length: 2000 }, () => [draws(2, 0.1), draws(2, 0.1)] as const);
  const prior = priorOf(cells.slice(0, 20).map(([a, b]) => spreadOf(a, b)!))!;
  const missed = cells.filter(([a, b]) => {
    const found = moderatedEstimate(a, b, 0.05, prior)!;
    return found.low > 0 || found.high < 0;
  });
  expect(missed.length / cells.length).toBeLessThan(0.1);
  expect(missed.length / cells.length).toBeGreaterThan(0.01);
});

test("one round a side has the spread of the others, and a floor widens it", () => {
  const prior = priorOf(Array.from({ length: 20 }, () => spreadOf(draws(2, 0.1), draws(2, 0.1))!))!;
  const found = moderatedEstimate([0], [0.5], 0.01, prior)!;
  expect(found.estimate).toBe(0.5);
  expect(found.low).toBeGreaterThan(0);
  expect(moderatedEstimate([0], [0.5], 0.01, prior, 0.1 ** 2)!.low).toBeLessThan(found.low);
  expect(moderatedEstimate([], [0.5], 0.01, prior)).toBeNull();
});
