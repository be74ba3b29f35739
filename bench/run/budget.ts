/**
 * A budget that was asked for, and that cannot hold the rounds which a comparison takes at least: told at once where the
 * slices alone are longer, and else after the first round, which shows what starting and warming up take.
 */
import { exitCodes, Failure } from "../../platform/failure.ts";
import { LEAST_ROUNDS } from "./rounds.ts";

/** Milliseconds for all cells. */
type Asked = { budgetMs: number; cells: number; servers: number };

/** Before anything is started. @param slicesMs of one server in a round of one cell */
export function checkBudget({ budgetMs, cells, servers }: Asked, slicesMs: number): void {
  const least = LEAST_ROUNDS * cells * servers * slicesMs;
  if (budgetMs < least) throw tooShort(budgetMs, least, "their slices alone take");
}

/** @param tookMs the first round of all cells */
export function checkFirstRound({ budgetMs }: Pick<Asked, "budgetMs">, tookMs: number): void {
  const least = LEAST_ROUNDS * tookMs;
  if (budgetMs < least) throw tooShort(budgetMs, least, "by the first, they take");
}

const tooShort = (budgetMs: number, leastMs: number, why: string) =>
  new Failure(
    exitCodes.usage,
    `--budget ${budgetMs / 1000}: a comparison takes ${LEAST_ROUNDS} rounds at least, and ${why} ${(leastMs / 1000).toFixed(1)} s; give it more, or fewer cells and servers`,
  );
