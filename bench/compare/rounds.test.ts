import { describe, expect, test } from "bun:test";
import { roundFigure } from "../record/blocks.ts";
import { answer, apartEstimate, isLook, LOOKS, levelOf, pairedEstimate } from "./rounds.ts";
import { normal } from "./testing.ts";

/** Looks as a run does, until there is an answer or the rounds are used up. */
function run(shift: number, spread: number, mostRounds: number, next: () => number, figures = 3) {
  const rounds: number[] = [];
  while (rounds.length < mostRounds) {
    rounds.push(Math.log(shift) + spread * next());
    if (!isLook(rounds.length)) continue;
    const found = pairedEstimate(rounds, levelOf(figures, LOOKS.length));
    const said = found ? answer(found, Math.log(1.05)) : "undecided";
    if (said !== "undecided") return { said, rounds: rounds.length };
  }
  return { said: "undecided" as const, rounds: rounds.length };
}

function share(
  trials: number,
  shift: number,
  spread: number,
  mostRounds: number,
  heavy: boolean,
  said: string,
) {
  const next = normal(7, heavy);
  return (
    Array.from({ length: trials }, () => run(shift, spread, mostRounds, next)).filter(
      (one) => one.said === said,
    ).length / trials
  );
}

describe.each([false, true])("rounds that spread by 2 %, heavy tails: %p", (heavy) => {
  test("two equal servers are hardly ever told apart, and are settled as the same", () => {
    for (const said of ["higher", "lower"]) expect(share(2000, 1, 0.02, 25, heavy, said)).toBeLessThan(0.005);
    expect(share(500, 1, 0.02, 25, heavy, "same")).toBeGreaterThan(0.9);
  });
  test("10 % and 5 % more are found", () => {
    expect(share(500, 1.1, 0.02, 13, heavy, "higher")).toBeGreaterThan(0.95);
    expect(share(500, 1 / 1.1, 0.02, 13, heavy, "lower")).toBeGreaterThan(0.95);
    expect(share(500, 1.05, 0.02, 49, heavy, "higher")).toBeGreaterThan(0.9);
  });
});

test("what is seven times as much is told at the first look", () => {
  expect(run(7, 0.1, 4, normal(1))).toEqual({ said: "higher", rounds: LOOKS[0] });
});

test("a spread that hides everything leaves it undecided", () => {
  expect(run(1.02, 0.5, 49, normal(1)).said).toBe("undecided");
});

test("a round's figure is the median of its blocks' log ratios, and takes no figure that is 0", () => {
  expect(roundFigure([1, 2, 4], [2, 4, 80])).toBeCloseTo(Math.log(2));
  expect(roundFigure([1, 0, 4], [2, 4, 8])).toBeCloseTo(Math.log(2));
  expect(roundFigure([0, 0, 4], [2, 4, 8])).toBeUndefined();
  expect(roundFigure([], [])).toBeUndefined();
});

test("one round has no interval", () => {
  expect(pairedEstimate([0.1], 0.01)).toBeNull();
  expect(apartEstimate([0.1], [0.2, 0.3], 0.01)).toBeNull();
});

test("intervals are those of the textbooks", () => {
  // R: t.test(c(1, 2, 3, 4, 6), conf.level = 0.99)
  const one = pairedEstimate([1, 2, 3, 4, 6], 0.01);
  expect([one?.estimate, one?.low, one?.high].map((x) => x?.toFixed(3))).toEqual([
    "3.200",
    "-0.761",
    "7.161",
  ]);
  // R: t.test(c(5, 7, 9), c(1, 2, 4, 5))
  const two = apartEstimate([1, 2, 4, 5], [5, 7, 9], 0.05);
  expect([two?.estimate, two?.low, two?.high].map((x) => x?.toFixed(3))).toEqual([
    "4.000",
    "-0.015",
    "8.015",
  ]);
});

test("values that do not differ at all have an interval without width", () => {
  expect(pairedEstimate([0, 0, 0], 0.01)).toEqual({ estimate: 0, low: 0, high: 0 });
  expect(apartEstimate([1, 1], [1, 1], 0.01)).toEqual({ estimate: 0, low: 0, high: 0 });
});
