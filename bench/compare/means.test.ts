/** A geometric mean stands below the rows, and never says what they do not. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compareServers } from "./compare.ts";
import type { FigureComparison } from "./comparison.ts";
import { meansOf } from "./means.ts";
import { answer } from "./rounds.ts";
import { noisy, recordOf } from "./testing.ts";

const BOUND = Math.log(1.05);
const verdicts = { higher: "faster", lower: "slower", same: "same", undecided: "undecided" } as const;

/** A tested row of a rate: its change, with the verdict that it gets. */
function rowOf(estimate: number, half: number): FigureComparison {
  const [low, high] = [estimate - half, estimate + half];
  const change = {
    scale: "ratio" as const,
    estimate: Math.exp(estimate),
    interval: { low: Math.exp(low), high: Math.exp(high) },
  };
  const verdict = verdicts[answer({ estimate, low, high }, BOUND)];
  return { tested: true, class: "throughput", change, verdict } as FigureComparison;
}

const changes = fc.array(
  fc.tuple(fc.double({ min: -0.3, max: 0.3, noNaN: true }), fc.double({ min: 0, max: 0.3, noNaN: true })),
  { minLength: 2, maxLength: 12 },
);

/** Ends are means of logarithms, of which the last digit is rounded. */
const ROUNDING = 1e-9;

test("of generated cells no mean contradicts their verdicts", () => {
  fc.assert(
    fc.property(changes, (list) => {
      const rows = list.map(([estimate, half]) => rowOf(estimate, half));
      const [{ ratio, interval }] = meansOf(rows.map((row) => ({ rows: [row] })));
      const { low, high } = interval!;
      expect(ratio).toBeWithin(low - ROUNDING, high + ROUNDING);
      const all = (verdict: string) => rows.every((row) => row.verdict === verdict);
      const none = (verdict: string) => rows.every((row) => row.verdict !== verdict);
      const ends = rows.flatMap(({ change }) => change?.interval ?? []);
      if (all("faster")) expect(low).toBeGreaterThan(1 - ROUNDING);
      if (all("slower")) expect(high).toBeLessThan(1 + ROUNDING);
      if (all("same")) {
        expect(low).toBeGreaterThan(1 / 1.05 - ROUNDING);
        expect(high).toBeLessThan(1.05 + ROUNDING);
      }
      if (ends.every((one) => one.low <= 1)) expect(low).toBeLessThan(1 + ROUNDING);
      if (ends.every((one) => one.high >= 1)) expect(high).toBeGreaterThan(1 - ROUNDING);
      if (none("slower") && none("undecided")) expect(ratio).toBeGreaterThan(1 / 1.05);
      if (none("faster") && none("undecided")) expect(ratio).toBeLessThan(1.05);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

describe("there is none", () => {
  const two = (go: object, bun: object) =>
    compareServers(
      recordOf("r", [
        ...["a", "b"].flatMap((variant) => noisy(8, { deliveryRate: 100 }, { server: "go", variant, ...go })),
        ...["a", "b"].flatMap((variant) =>
          noisy(8, { deliveryRate: 300 }, { server: "bun", variant, ...bun }),
        ),
      ]),
      "go",
      "bun",
    );

  test("beside a server that is wrong", () => {
    const faulty = { wrong: [{ kind: "lost", count: 1, words: "" }] };
    expect(two({}, {}).means).toHaveLength(1);
    expect(two({}, faulty).means).toEqual([]);
    expect(two(faulty, {}).means).toEqual([]);
  });

  test("where a cell has no ratio, since a server stalled there", () => {
    const samples = ["a", "b", "c"].flatMap((variant) => [
      ...noisy(8, { deliveryRate: 100 }, { server: "go", variant }),
      ...noisy(8, { deliveryRate: variant === "c" ? 0 : 300 }, { server: "bun", variant }),
    ]);
    const { cells, means } = compareServers(recordOf("r", samples), "go", "bun");
    expect(cells.map(({ rows: [row] }) => row.verdict)).toEqual(["faster", "faster", "slower"]);
    expect(means).toEqual([]);
  });

  test("of one cell, and no interval where a cell has none", () => {
    const row = rowOf(0.1, 0.01);
    const bare = { ...row, change: { ...row.change!, interval: null } };
    expect(meansOf([{ rows: [row] }])).toEqual([]);
    expect(meansOf([{ rows: [row] }, { rows: [bare] }])[0].interval).toBeNull();
  });
});
