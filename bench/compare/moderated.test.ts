/** What many cells' variances say of one, against values that were worked out elsewhere and draws of known spread. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../platform/random.ts";
import {
  blockSpreadOf,
  digamma,
  type ModeratedCell,
  moderatedEstimate,
  moderationsOf,
  priorOf,
  spreadOf,
  trigamma,
} from "./moderated.ts";

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

/** So many rounds of five blocks, whose process adds something of its own. */
const rounds = (n: number, deviation: number, shift = 0, ofProcess = 0) =>
  Array.from({ length: n }, () => {
    const own = shift + normal() * ofProcess;
    return draws(5, deviation).map((value) => value + own);
  });
const cell = (n: number, deviation: number, ofProcess = 0): ModeratedCell => ({
  of: "a",
  sides: [rounds(n, deviation, 0, ofProcess), rounds(n, deviation, 0, ofProcess)],
});
const cells = (count: number, n: number, deviation = 0.1, ofProcess = 0) =>
  Array.from({ length: count }, () => cell(n, deviation, ofProcess));
test("blocks spread as they are drawn, and one in ten that something fell upon counts for little", () => {
  const calm = Array.from({ length: 400 }, () => draws(10, 0.1));
  const { variance = 0, freedom = 0 } = blockSpreadOf(calm) ?? {};
  expect(Math.sqrt(variance) / 0.1).toBeWithin(0.93, 1.07);
  expect(freedom).toBeWithin(400 * 9 * 0.8, 400 * 9);
  const hit = calm.map(([first, ...others]) => [first + 1, ...others]);
  const grown = blockSpreadOf(hit)!.variance / variance;
  expect(grown).toBeLessThan((spreadOf(hit)!.variance / spreadOf(calm)!.variance) * 0.6);
  expect(blockSpreadOf([[1], [2]])).toBeUndefined();
});

const priorsOf = (list: readonly ModeratedCell[]) =>
  priorOf(list.map(({ sides }) => spreadOf(sides.flat())!));

describe("a prior", () => {
  test("of equal variances is the one of all, with many degrees of freedom", () => {
    const prior = priorsOf(cells(200, 2))!;
    expect(Math.sqrt(prior.variance)).toBeGreaterThan(0.09);
    expect(Math.sqrt(prior.variance)).toBeLessThan(0.11);
    expect(prior.freedom).toBeGreaterThan(30);
    expect(prior.most).toBe(200 * 4 * 4);
  });

  test("of variances that lie far apart has few of them", () => {
    expect(priorsOf([...cells(100, 2, 0.01), ...cells(100, 2, 1)])!.freedom).toBeLessThan(2);
  });

  test("of two cells there is none, and of values that never differ neither", () => {
    expect(priorsOf(cells(2, 2))).toBeUndefined();
    expect(priorOf(Array.from({ length: 5 }, () => spreadOf([[1, 1]])!))).toBeUndefined();
    expect(spreadOf([[1], [2]])).toBeUndefined();
  });
});

/** Share of cells in which the interval of the difference leaves out 0, where there is none. */
function missed(list: readonly ModeratedCell[], known: readonly ModeratedCell[]): number {
  const moderation = moderationsOf(known).get("a")!;
  const wrong = list.filter(({ sides: [a, b] }) => {
    const found = moderatedEstimate(a, b, 0.05, moderation)!;
    return found.low > 0 || found.high < 0;
  });
  return wrong.length / list.length;
}

test.each([
  ["two rounds a side", cells(2000, 2), cells(20, 2)],
  ["two rounds a side, whose processes differ", cells(2000, 2, 0.1, 0.1), cells(20, 2, 0.1, 0.1)],
  ["one round a side, beside cells of two", cells(2000, 1), cells(20, 2)],
])("the interval of %s leaves out the truth about as often as it says", (_, list, known) => {
  const share = missed(list, known);
  expect(share).toBeLessThan(0.12);
  expect(share).toBeGreaterThan(0.005);
});

test("a difference is found, and a floor widens the interval", () => {
  const moderation = moderationsOf(cells(20, 2)).get("a")!;
  const [a, b] = [rounds(2, 0.1), rounds(2, 0.1, 1)];
  const found = moderatedEstimate(a, b, 0.01, moderation)!;
  expect(found.low).toBeGreaterThan(0);
  expect(found.estimate).toBeCloseTo(1, 0);
  expect(moderatedEstimate(a, b, 0.01, moderation, 0.1 ** 2)!.low).toBeLessThan(found.low);
  expect(moderatedEstimate([], b, 0.01, moderation)).toBeNull();
});

test("where no cell has two rounds, a round's median is taken to spread as that of independent blocks", () => {
  expect(moderationsOf(cells(20, 1)).get("a")!.left).toBeCloseTo(Math.PI / 2 / 5);
});
