/**
 * What the machine's own pauses leave to be said of a tail. It is judged by the blocks in which neither server nor load
 * generator waited for a CPU that others had (clients/workloads/blocks.ts); how many those were, and what the tail is with
 * the others in it, is known of the same rounds. So an undecided tail can be told from a hidden one.
 */

import { WITH_PAUSES } from "../record/blocks.ts";
import { countOf, medianOf } from "../record/cells.ts";
import type { Metric } from "../record/metrics.ts";
import type { Sample } from "../record/record.ts";
import { duration, percent } from "../record/units.ts";
import type { FigureComparison, Pauses } from "./comparison.ts";

/** Below this share of slices the pauses are no more than any machine has. */
const HIDING = 0.05;

/** What is known of the pauses behind a figure, in samples of both sides; undefined of what has none. */
export function pausesBehind({ key }: Metric, samples: readonly Sample[]): Pauses | undefined {
  const withPauses = medianOf(samples, key + WITH_PAUSES);
  const driven = countOf(samples, "slicesDriven");
  if (withPauses === undefined || driven === 0) return undefined;
  return { paused: 1 - countOf(samples, "slicesCalm") / driven, withPauses };
}

type Row = Pick<FigureComparison, "verdict" | "change" | "pauses">;

/** How many times a change has to be, either way, to be beyond an interval; undefined where it is not hidden. */
function hiddenBelow({ verdict, change, pauses }: Row): number | undefined {
  if (verdict !== "undecided" || !pauses || pauses.paused < HIDING) return undefined;
  if (change?.scale !== "ratio" || !change.interval) return undefined;
  return Math.max(change.interval.high, 1 / change.interval.low);
}

/** `the machine's own tail hides changes below × 1.46`; empty where it does not. */
export function hiddenText(row: Row): string {
  const times = hiddenBelow(row);
  if (times === undefined) return "";
  return `the machine's own tail hides changes below × ${times < 100 ? times.toFixed(2) : "100"}`;
}

/** The same with what shows it. */
export function whyHidden(row: Row & Pick<FigureComparison, "old">): string | null {
  const text = hiddenText(row);
  if (text === "" || !row.pauses) return null;
  const { paused, withPauses } = row.pauses;
  return `${text}: in ${percent(paused)} of the slices, or beside them, server or load generator waited for a CPU that others had; with those it is ${duration(withPauses)}, without ${duration(row.old.median)}`;
}
