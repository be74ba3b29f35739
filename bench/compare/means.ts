/** Geometric means over cells: at a glance what the rows say, and never more than they do. */
import { geometricMean } from "simple-statistics";
import { classes } from "../record/metrics.ts";
import type { CellComparison, Mean } from "./comparison.ts";

/**
 * The mean of each class of tested figures that several cells have. Its interval goes from the mean of the cells' lower
 * ends to that of their upper ends: as theirs hold all together, so does it, whatever hangs together; and it leaves out
 * × 1 only where a cell's does, and lies within the threshold where all of theirs do. A class of which some figure has no
 * ratio, such as the rate of a server that stalled, has no mean: it would leave out just that.
 */
export function meansOf(cells: readonly Pick<CellComparison, "rows">[]): Mean[] {
  return classes.flatMap((name): Mean[] => {
    const rows = cells.flatMap(({ rows }) => rows.filter((row) => row.tested && row.class === name));
    const changes = rows.flatMap(({ change }) => (change?.scale === "ratio" ? [change] : []));
    if (changes.length < 2 || changes.length < rows.length) return [];
    const intervals = changes.flatMap(({ interval }) => interval ?? []);
    const known = intervals.length === changes.length;
    return [
      {
        name,
        cells: changes.length,
        ratio: geometricMean(changes.map(({ estimate }) => estimate)),
        interval: known
          ? {
              low: geometricMean(intervals.map(({ low }) => low)),
              high: geometricMean(intervals.map(({ high }) => high)),
            }
          : null,
      },
    ];
  });
}
