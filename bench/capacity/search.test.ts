/** The search alone, with values in place of servers and samples. */
import { expect, test } from "bun:test";
import { type Purpose, searchHighest } from "./search.ts";

const RANGE = { start: 250, most: 1_000_000 };

/** What holds up to a limit, and all that was asked. */
function upTo(limit: number, unlucky: (asked: number) => boolean = () => false) {
  const asked: { value: number; purpose: Purpose }[] = [];
  return {
    asked,
    holds: async (value: number, purpose: Purpose) => {
      asked.push({ value, purpose });
      return value <= limit && !unlucky(asked.length);
    },
  };
}

test.each([2, 3, 17, 249, 250, 251, 4000, 51_536, 999_999])(
  "finds a limit of %i to within 8 % from below, in a bounded number of questions",
  async (limit) => {
    const { asked, holds } = upTo(limit);
    const answer = await searchHighest(holds, RANGE);
    expect(answer?.value).toBeLessThanOrEqual(limit);
    expect(answer!.value * 1.08).toBeGreaterThanOrEqual(Math.min(limit, answer!.value + 1) - 1);
    expect(limit / answer!.value).toBeLessThan(limit < 20 ? 1.6 : 1.081);
    expect(asked.length).toBeLessThan(30);
  },
);

test("asks about the start first, then about twice as much, and confirms by three questions of the same", async () => {
  const { asked, holds } = upTo(600);
  const answer = await searchHighest(holds, RANGE);
  expect(asked.slice(0, 3).map(({ value }) => value)).toEqual([250, 500, 1000]);
  const confirmed = asked.filter(({ purpose }) => purpose === "confirm");
  expect(confirmed.map(({ value }) => value)).toEqual(Array(3).fill(answer?.value));
  expect(answer).toMatchObject({ held: 3, of: 3 });
});

test("where nothing holds there is no answer, down to the least value", async () => {
  const { asked, holds } = upTo(0);
  expect(await searchHighest(holds, RANGE)).toBeUndefined();
  expect(asked.at(-1)?.value).toBe(2);
});

test("where all holds the answer is the most that can be asked for", async () => {
  const { asked, holds } = upTo(Number.POSITIVE_INFINITY);
  expect(await searchHighest(holds, RANGE)).toEqual({ value: RANGE.most, held: 3, of: 3 });
  expect(Math.max(...asked.map(({ value }) => value))).toBe(RANGE.most);
});

test("a start above the most that can be asked for is not asked about", async () => {
  const { asked, holds } = upTo(1e9);
  await searchHighest(holds, { start: 5000, most: 1000 });
  expect(new Set(asked.map(({ value }) => value))).toEqual(new Set([1000]));
});

test("one bad answer of three confirms; two step down by a tenth", async () => {
  let confirmations = 0;
  const flaky = (bad: number) => async (value: number, purpose: Purpose) =>
    value <= 500 && !(purpose === "confirm" && value === 500 && ++confirmations <= bad);
  expect(await searchHighest(flaky(1), { start: 500, most: 500 })).toEqual({ value: 500, held: 2, of: 3 });
  confirmations = 0;
  expect(await searchHighest(flaky(3), { start: 500, most: 500 })).toEqual({ value: 450, held: 3, of: 3 });
});
