/** How several servers are compared in rounds: the same for the command line and for a program. */
import { isSettled } from "../compare/settled.ts";
import { DEFAULT_THRESHOLD } from "../compare/verdicts.ts";
import type { Cell } from "../scenarios/scenario.ts";
import type { ComparisonOptions } from "./run.ts";

/** What is asked of a comparison. */
export type Comparing = {
  /** Exactly so many rounds of each cell; without it as many as decide it within the budget. */
  samples?: number | undefined;
  /** Seconds for the rounds of all cells; {@link BUDGET_SECONDS} for each unless told. */
  budget?: number | undefined;
  /** Least relative change that counts, 0.05 unless told. */
  threshold?: number | undefined;
  /** Seconds for which each server is driven in a round, and before it. */
  duration?: number | undefined;
  warmup?: number | undefined;
};

/** For rounds of one cell, until its figures are decided. */
export const BUDGET_SECONDS = 20;

export const comparisonOf = (
  { samples, budget, threshold = DEFAULT_THRESHOLD, duration, warmup }: Comparing,
  cells: readonly Cell[],
): ComparisonOptions => ({
  rounds: samples,
  ...{ duration, warmup },
  strict: budget !== undefined,
  budgetMs: (budget ?? BUDGET_SECONDS * cells.length) * 1000,
  settled: (cell, record) => isSettled(record, cell, threshold),
});
