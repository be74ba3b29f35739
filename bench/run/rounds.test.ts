/** Which round is next, with values in place of servers, samples and time. */
import { expect, test } from "bun:test";
import type { Sample } from "../record/record.ts";
import type { Cell } from "../scenarios/scenario.ts";
import { LEAST_ROUNDS, takeRounds } from "./rounds.ts";

const cells = ["a", "b"].map((variant) => ({ scenario: "it", variant }) as Cell);

/** Each round takes a second; a cell is settled after so many rounds. */
async function orderOf(needs: Record<string, number>, options: { budget: number; rounds?: number }) {
  const order: string[] = [];
  let time = 0;
  await takeRounds({
    cells,
    rounds: options.rounds,
    budgetMs: options.budget * 1000,
    clock: () => time,
    async round({ variant }, number) {
      order.push(`${variant}${number}`);
      time += 1000;
      return [{ variant, round: number } as Sample];
    },
    settled: ({ variant }, samples) => samples.length >= needs[variant],
  });
  return order.join(" ");
}

test("cells in turn, each until it is settled", async () => {
  expect(await orderOf({ a: 2, b: 4 }, { budget: 60 })).toBe("a0 b0 a1 b1 b2 b3");
});

test("the budget ends it, but not before each cell has its least", async () => {
  expect(await orderOf({ a: 9, b: 9 }, { budget: 5 })).toBe("a0 b0 a1 b1 a2");
  expect(await orderOf({ a: 9, b: 9 }, { budget: 0 })).toBe("a0 b0 a1 b1");
  expect(LEAST_ROUNDS).toBe(2);
});

test("a number of rounds that is asked for is taken, settled or not, in time or not", async () => {
  expect(await orderOf({ a: 1, b: 1 }, { budget: 0, rounds: 3 })).toBe("a0 b0 a1 b1 a2 b2");
});
