/**
 * A budget that was asked for, and that cannot hold the rounds which a comparison takes at least: told at once where the
 * slices alone are longer, and else after the first round, which shows what starting and warming up take.
 */
import { exitCodes, Failure } from "../../platform/failure.ts";
import { LEAST_ROUNDS } from "./rounds.ts";

/** Before anything is started. @param slicesMs all slices of a round of each cell, of all servers */
export function checkBudget(budgetMs: number, slicesMs: number): void {
  const least = LEAST_ROUNDS * slicesMs;
  if (budgetMs < least) throw tooShort(budgetMs, least, "their slices alone take");
}

/** @param tookMs the first round of all cells */
export function checkFirstRound(budgetMs: number, tookMs: number): void {
  const least = LEAST_ROUNDS * tookMs;
  if (budgetMs < least) throw tooShort(budgetMs, least, "by the first, they take");
}

const tooShort = (budgetMs: number, leastMs: number, why: string) =>
  new Failure(
    exitCodes.usage,
    `--budget ${budgetMs / 1000}: a comparison takes ${LEAST_ROUNDS} rounds at least, and ${why} ${(leastMs / 1000).toFixed(1)} s; give it more, or fewer cells and servers`,
  );
