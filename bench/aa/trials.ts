/**
 * How often a comparison errs, by records of rounds: each trial takes consecutive rounds from a random place, looks at
 * them as a run does, and stops where a run would.
 */
import { seededRandom } from "../../platform/random.ts";
import { compareServers } from "../compare/compare.ts";
import type { FigureVerdict } from "../compare/comparison.ts";
import { isLook } from "../compare/rounds.ts";
import type { RunRecord, Sample } from "../record/record.ts";

/** Verdicts of one trial: on any tested figure, and on the one that is known to differ; after how many rounds. */
export type Trial = { any: FigureVerdict[]; figure: FigureVerdict; rounds: number };

export type Trials = {
  trials: number;
  mostRounds: number;
  seed: number;
  threshold: number;
  figure: string;
  swaps: boolean;
};

/** Takes trials of two servers of a record of rounds. */
export function takeTrials(record: RunRecord, [a, b]: readonly [string, string], options: Trials): Trial[] {
  const random = seededRandom(options.seed);
  const rounds = [...Map.groupBy(record.samples, ({ round }) => round).values()].map((samples) =>
    [a, b].map((name) => samples.find(({ server }) => server === name)!),
  );
  return Array.from({ length: options.trials }, () => {
    const start = Math.floor(random() * rounds.length);
    // Which of the two stands first must not matter.
    const swap = options.swaps && random() < 0.5;
    return takeTrial(record, rounds, start, swap, options);
  });
}

function takeTrial(
  record: RunRecord,
  rounds: readonly Sample[][],
  start: number,
  swap: boolean,
  { mostRounds, threshold, figure }: Trials,
): Trial {
  const taken: Sample[] = [];
  for (let n = 1; ; n++) {
    const pair = rounds[(start + n - 1) % rounds.length];
    (swap ? pair.toReversed() : pair).forEach((sample, i) => {
      taken.push({ ...sample, server: ["a", "b"][i], round: n });
    });
    if (!isLook(n) && n < mostRounds) continue;
    const compared = compareServers({ ...record, samples: taken }, "a", "b", { threshold });
    const rows = compared.cells[0].rows.filter(({ tested }) => tested);
    const any = rows.flatMap(({ verdict }) => verdict ?? []);
    const known = rows.find(({ metric }) => metric === figure)?.verdict ?? "undecided";
    if (!any.includes("undecided") || n >= mostRounds) return { any, figure: known, rounds: n };
  }
}

/** Whether something was called different. */
export const isAlarm = ({ any }: Trial): boolean => any.includes("faster") || any.includes("slower");
