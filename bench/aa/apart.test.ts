/** What several occasions of one commit say, with records in place of runs. */
import { expect, test } from "bun:test";
import { recordOf, sampleOf } from "../compare/testing.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { countFound, countPairs, spreadsOf } from "./apart.ts";

const KEY = "serverCpuPerDelivery";
const BLOCKS = [1, 1.02, 0.98, 1.01, 0.99];

/** Six cells of two rounds, when everything took `mood` times as long, and the server `slower` times what it does. */
function occasion(mood: number, slower = 1): RunRecord {
  const rounds = [0, 1].flatMap((round) =>
    Array.from({ length: 6 }, (_, i) => ({ round, variant: `room ${i}` })),
  );
  const sample =
    (cpu: number) =>
    (cell: { round: number; variant: string }, at: number): Sample =>
      sampleOf({
        ...cell,
        metrics: { [KEY]: cpu },
        slices: { [KEY]: BLOCKS.map((block, i) => cpu * mood * (block + ((at + i) % 3) * 0.004)) },
      });
  const samples = rounds
    .map(sample(50 * slower))
    .map((one) => ({ ...one, metrics: { [KEY]: one.metrics[KEY] * mood } }));
  return recordOf(`${mood} ${slower}`, samples, {
    yardstick: { sha256: "a", samples: rounds.map((cell) => sample(60)(cell, 0)) },
  });
}

const equal = [occasion(1), occasion(2), occasion(0.7)];

test("moods show in the spread of raw figures, and hardly in that by the yardstick", () => {
  for (const { raw, yardstick } of spreadsOf(equal)) {
    expect(raw).toBeGreaterThan(0.3);
    expect(yardstick).toBeLessThan(0.02);
  }
  expect(spreadsOf(equal)).toHaveLength(6);
});

test("each two records are a pair, and every tested figure of it counts", () => {
  expect(countPairs(equal, 0.25)).toEqual({ pairs: 3, alarms: 0, tested: 18, decided: 18 });
});

test("a slower server is found beside each of the equal ones", () => {
  expect(countFound(equal, [occasion(0.5, 1.5)], 0.05)).toEqual({ pairs: 3, found: 3 });
});
