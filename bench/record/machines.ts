/** The machines on which a run's fleets stood, in words. */
import type { RunRecord } from "./record.ts";

/** `left: 4 fleets on 4 × AMD EPYC`, one for each; none where the fleets were the bench's own. */
export const machineWords = ({ machines = [] }: Pick<RunRecord, "machines">): string[] =>
  machines.map(
    ({ name, fleets, beside, environment: { cores, cpu } }) =>
      `${name}: ${fleets} fleet${fleets === 1 ? "" : "s"} on ${cores} × ${cpu}${beside ? ", beside the server" : ""}`,
  );
