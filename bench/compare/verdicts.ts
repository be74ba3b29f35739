/**
 * From figures to verdicts. A difference is shown when it is significant at 1 % after Holm's correction over all
 * tested figures of the comparison, and at least as large as the threshold.
 *
 * Holm, which bounds the chance of a single false alarm, since the whole comparison ends in one exit code; 1 %,
 * since a check that runs on every change must not have a false-positive rate of one in twenty: over 5 % it costs one
 * or two samples per side.
 */
import type { CellComparison, FigureComparison, FigureVerdict } from "./comparison.ts";
import { holm, samplesNeeded, shift } from "./statistics.ts";

/** Chance of one false alarm in a comparison of two equal sides, over all of its tested figures. */
export const LEVEL = 0.01;
export const DEFAULT_THRESHOLD = 0.05;
/** Least difference of a share, such as that of lost messages: a point of a hundred, where no ratio makes sense. */
const LEAST_POINTS = 0.01;

/** A cell with the values behind its rows, by figure: old and new. */
export type Measured = CellComparison & { values: Map<string, [number[], number[]]> };

/** Gives every tested row its verdict; only here is known how many there are. */
export function giveVerdicts(cells: Measured[], threshold: number): void {
  const tested = cells.flatMap(({ rows, values }) =>
    rows.filter((row) => row.tested).map((row) => ({ row, values: values.get(row.metric)! })),
  );
  const corrected = holm(tested.map(({ row }) => row.p));
  tested.forEach(({ row, values }, index) => {
    row.corrected = corrected[index];
    Object.assign(row, verdictOf(row, values, threshold, LEVEL / tested.length));
  });
}

function verdictOf(
  row: FigureComparison,
  values: [number[], number[]],
  threshold: number,
  level: number,
): Pick<FigureComparison, "verdict" | "needed" | "why"> {
  const plain = (verdict: FigureVerdict, why: string | null = null) => ({ verdict, needed: null, why });
  const { change } = row;
  const significant = row.corrected! <= LEVEL;
  const moved = (more: boolean) => (more === (row.better === "higher") ? "faster" : "slower");
  if (!change) {
    const why = "some values are 0, so that there is no ratio";
    return plain(significant ? moved(shift(...values).estimate > 0) : "unknown", why);
  }
  const isRatio = change.scale === "ratio";
  const effect = Math.abs(isRatio ? change.estimate - 1 : change.estimate);
  if (significant) {
    if (effect < (isRatio ? threshold : LEAST_POINTS))
      return plain("~", "a difference, but below the threshold");
    return plain(moved(change.estimate > (isRatio ? 1 : 0)));
  }
  const delta = isRatio ? Math.log(1 + threshold) : LEAST_POINTS;
  const scaled = isRatio ? values.map((side) => side.map(Math.log)) : values;
  const samples = Math.min(row.old.samples, row.new.samples);
  const enough = samplesNeeded(scaled, delta, level);
  if ((samples >= enough.samples && !enough.atLeast) || isWithin(change, delta)) return plain("~");
  const seen = Math.abs(isRatio ? Math.log(change.estimate) : change.estimate);
  const needed = samplesNeeded(scaled, Math.max(delta, seen), level);
  needed.samples = Math.max(needed.samples, samples + 1);
  return { verdict: "unknown", needed, why: null };
}

/** Whether the whole interval lies below the threshold: then nothing of its size is there, however few samples. */
function isWithin({ scale, interval }: NonNullable<FigureComparison["change"]>, delta: number): boolean {
  if (!interval) return false;
  const { low, high } = interval;
  const farthest =
    scale === "ratio"
      ? Math.max(Math.abs(Math.log(low)), Math.abs(Math.log(high)))
      : Math.max(Math.abs(low), Math.abs(high));
  return farthest < delta;
}
