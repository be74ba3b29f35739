/** The machines on which a run's fleets stood, and how well their clocks were known, in words. */
import { cellName, cellsOf, median } from "./cells.ts";
import type { RunRecord, Sample } from "./record.ts";
import { duration, whole } from "./units.ts";

/** `left: 4 fleets on 4 × AMD EPYC`, one for each; none where the fleets were the bench's own. */
export const machineWords = ({ machines = [] }: Pick<RunRecord, "machines">): string[] =>
  machines.map(
    ({ name, fleets, beside, environment: { cores, cpu } }) =>
      `${name}: ${fleets} fleet${fleets === 1 ? "" : "s"} on ${cores} × ${cpu}${beside ? ", beside the server" : ""}`,
  );

/** One line for each cell whose fleets stood on several machines. */
export function clockNotes(samples: readonly Sample[]): string[] {
  return cellsOf(samples).flatMap((cell) => {
    const of = (key: string) => median(cell.samples.flatMap(({ metrics }) => metrics[key] ?? []));
    const bound = of("clockBound");
    if (bound === undefined) return [];
    const [p50, p99] = [of("near.p50"), of("near.p99")];
    const negative = cell.samples.reduce((sum, { counts }) => sum + (counts.negative ?? 0), 0);
    return [
      `${cellName(cell)}: latencies between machines are ± ${duration(bound)}` +
        (p50 === undefined ? "" : `; within one machine p50 ${duration(p50)}`) +
        (p99 === undefined ? "" : `, p99 ${duration(p99)}`) +
        (negative > 0 ? `; ${whole(negative)} came out below 0` : ""),
    ];
  });
}
