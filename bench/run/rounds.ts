/**
 * Decides which round of a comparison is next: cells in turn, as long as they are undecided and there is time. It knows
 * neither servers nor statistics: `round` takes one, and `settled` tells whether a cell needs more of them.
 */
import type { Sample } from "../record/record.ts";
import type { Cell } from "../scenarios/scenario.ts";

export type RoundsOptions = {
  cells: readonly Cell[];
  /** So many rounds of each cell; without it as many as it takes within the budget. */
  rounds?: number | undefined;
  /** Milliseconds for all cells together. */
  budgetMs: number;
  /** Takes one round of a cell: a sample of each server. */
  round: (cell: Cell, number: number) => Promise<Sample[]>;
  /** Whether a cell's samples so far decide all that is asked of it. */
  settled: (cell: Cell, samples: readonly Sample[]) => boolean;
  /** Milliseconds. */
  clock: () => number;
  /** Is told how long the first round of all cells took, milliseconds. */
  onFirst?: ((tookMs: number) => void) | undefined;
  onProgress?: (cell: Cell, round: number, samples: readonly Sample[]) => void;
};

/** Fewer show no spread, and then nothing can be said of a difference. */
export const LEAST_ROUNDS = 2;

/** Takes rounds until all cells are settled or the time is over; every cell gets its least. */
export async function takeRounds(options: RoundsOptions): Promise<void> {
  const { cells, rounds, budgetMs, round, settled, clock } = options;
  const begin = clock();
  const end = begin + budgetMs;
  const taken = new Map(cells.map((cell) => [cell, [] as Sample[]]));
  const open = new Set(cells);
  for (let number = 0; open.size > 0; number++) {
    if (number === 1 && rounds === undefined) options.onFirst?.(clock() - begin);
    for (const cell of [...open]) {
      const late = clock() >= end;
      if (rounds === undefined ? late && number >= LEAST_ROUNDS : number >= rounds) {
        open.delete(cell);
        continue;
      }
      const samples = taken.get(cell) ?? [];
      samples.push(...(await round(cell, number)));
      options.onProgress?.(cell, number, samples);
      if (rounds === undefined && settled(cell, samples)) open.delete(cell);
    }
  }
}
