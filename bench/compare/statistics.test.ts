/** Reference values are of SciPy 1.17 (`mannwhitneyu`) and, with ties, of all permutations counted by hand. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../platform/random.ts";
import { holm, medianInterval, rankTest, ratio, samplesNeeded, shift, smallestP } from "./statistics.ts";

/** Values of a bell shape: the sum of twelve uniform ones (Irwin–Hall), of variance 1. */
function bell(random: () => number, n: number, mean: number, deviation: number): number[] {
  return Array.from({ length: n }, () => {
    const sum = Array.from({ length: 12 }, random).reduce((a, b) => a + b, 0);
    return mean + deviation * (sum - 6);
  });
}

describe("the rank test", () => {
  test("is exact for few samples", () => {
    expect(rankTest([12.1, 11.8, 12.6, 12.3, 11.9, 12.0], [13.0, 12.9, 12.2, 13.4, 13.1])).toBeCloseTo(
      0.017316017,
      8,
    );
    expect(rankTest([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).toBeCloseTo(0.007936508, 8);
  });

  test("is exact with ties", () => {
    expect(rankTest([1, 2, 2, 3, 3], [2, 3, 4, 4, 5, 5])).toBeCloseTo(0.0562770563, 8);
    expect(rankTest([7, 7, 7], [7, 7, 7, 7])).toBe(1);
  });

  test("is normal with corrections for many samples", () => {
    const x = Array.from({ length: 60 }, (_, i) => ((i * 37) % 101) + (i % 3));
    const y = Array.from({ length: 55 }, (_, i) => ((i * 53) % 97) + 12);
    expect(rankTest(x, y)).toBeCloseTo(0.16156981, 6);
    expect(rankTest(Array(50).fill(3), Array(50).fill(3))).toBe(1);
  });

  test("gives the same for the sides exchanged, and 1 for an empty side", () => {
    expect(rankTest([1, 5, 6, 9], [2, 7, 8])).toBeCloseTo(rankTest([2, 7, 8], [1, 5, 6, 9]), 12);
    expect(rankTest([], [1])).toBe(1);
  });

  test("the smallest p it can give is that of sides that do not overlap", () => {
    for (const n of [2, 5, 9])
      expect(smallestP(n, n)).toBeCloseTo(
        rankTest(
          Array.from({ length: n }, (_, i) => i),
          Array.from({ length: n }, (_, i) => i + 100),
        ),
        12,
      );
  });
});

describe("intervals", () => {
  test("of a shift cover it about 95 times of 100", () => {
    for (const n of [6, 12, 50]) {
      const random = seededRandom(n);
      let covered = 0;
      for (let i = 0; i < 300; i++) {
        const { interval } = shift(bell(random, n, 100, 5), bell(random, n, 103, 5));
        if (interval && interval.low <= 3 && interval.high >= 3) covered++;
      }
      expect(covered).toBeWithin(272, 300);
    }
  });

  test("of a shift agree with the rank test about 0", () => {
    const random = seededRandom(3);
    for (let i = 0; i < 200; i++) {
      const [a, b] = [bell(random, 9, 0, 1), bell(random, 7, 0.8, 1)];
      const { low, high } = shift(a, b).interval!;
      expect(low > 0 || high < 0).toBe(rankTest(a, b) < 0.05);
    }
  });

  test("are not given for samples too few to cover 95 %", () => {
    expect(shift([1, 2, 3], [4, 5, 6]).interval).toBeNull();
    expect(shift([1, 2, 3, 4], [5, 6, 7, 8]).interval).not.toBeNull();
    expect(medianInterval([1, 2, 3, 4, 5])).toBeNull();
    expect(medianInterval([6, 2, 3, 4, 5, 1])).toEqual({ low: 1, high: 6 });
  });

  test("of a median take the ranks of the binomial distribution", () => {
    const values = Array.from({ length: 20 }, (_, i) => i + 1);
    expect(medianInterval(values)).toEqual({ low: 6, high: 15 });
  });

  test("of a ratio do not depend on the unit", () => {
    const [a, b] = [
      [10, 11, 12, 10.5, 11.5],
      [22, 23, 21, 20, 24],
    ];
    const thousandfold = ratio(
      a.map((v) => v * 1000),
      b.map((v) => v * 1000),
    );
    expect(thousandfold.estimate).toBeCloseTo(ratio(a, b).estimate, 10);
    expect(ratio(a, b).estimate).toBeCloseTo(2, 1);
  });
});

test("Holm corrects the smallest p by all tests, the next by one less, and never falls below it", () => {
  expect(holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(6)))).toEqual([0.03, 0.06, 0.06, 0.02]);
  expect(holm([0.9, 0.8])).toEqual([1, 1]);
  expect(holm([])).toEqual([]);
});

describe("samples needed", () => {
  const noise = bell(seededRandom(1), 40, 0, 0.05);
  const needed = (values: number[], delta: number, level: number) =>
    samplesNeeded([values], delta, level).samples;

  test("show the difference nine times of ten", () => {
    const delta = 0.06;
    const n = needed(noise, delta, 0.05);
    const random = seededRandom(2);
    let shown = 0;
    for (let i = 0; i < 300; i++)
      if (rankTest(bell(random, n, 0, 0.05), bell(random, n, delta, 0.05)) <= 0.05) shown++;
    expect(shown / 300).toBeWithin(0.82, 0.97);
  });

  test("are more for more noise, for a stricter level and for a smaller difference", () => {
    const wide = noise.map((value) => value * 2);
    expect(needed(wide, 0.05, 0.01)).toBeGreaterThan(2 * needed(noise, 0.05, 0.01));
    expect(needed(noise, 0.05, 0.001)).toBeGreaterThan(needed(noise, 0.05, 0.01));
    expect(needed(noise, 0.02, 0.01)).toBeGreaterThan(needed(noise, 0.05, 0.01));
  });

  test("are few where the sides do not overlap, but never fewer than can reach the level", () => {
    expect(needed(noise, 10, 0.05)).toBe(4);
    expect(needed(noise, 10, 0.01 / 60)).toBe(10);
  });

  test("are only bounded by the level where there are too few samples to know the noise", () => {
    expect(samplesNeeded([[1], [2]], 0.05, 0.01)).toEqual({ samples: 5, atLeast: true });
    expect(samplesNeeded([noise.slice(0, 4)], 0.05, 0.01)).toEqual({ samples: 5, atLeast: true });
    expect(samplesNeeded([], 0.05, 0.01).atLeast).toBeTrue();
  });
});

test("exact and normal p agree where one takes over from the other", () => {
  const random = seededRandom(9);
  const [a, b] = [bell(random, 25, 0, 1), bell(random, 25, 0.9, 1)];
  const exact = rankTest(a, b);
  // One more sample in the middle changes little but the way of counting.
  const normal = rankTest([...a, 0.45], b);
  expect(exact).toBeLessThan(0.05);
  expect(normal / exact).toBeWithin(0.5, 2);
});
