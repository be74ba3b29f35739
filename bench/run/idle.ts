/**
 * Whether servers that were not driven in a round were idle: what they use then is taken from the one that is. A little of it
 * is said; where it is much, the samples of the others do not count (record/validity.ts).
 */
import { cellName } from "../record/cells.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { percent } from "../record/units.ts";

/** Share of a CPU. Ours and the peers in Go and Node use up to 2 %, for what they clean up after their load. */
const MAX_IDLE = 0.05;

/** Says of each sample of a round, once for each cell and server, that its server was busy while it was not driven. */
export function warnOfBusy({ warnings }: Pick<RunRecord, "warnings">, samples: readonly Sample[]): void {
  for (const sample of samples) {
    const share = sample.meters?.idle ?? 0;
    const name = `${cellName(sample)}${BUSY}`;
    if (share <= MAX_IDLE || warnings.some((words) => words.startsWith(name))) continue;
    warnings.push(`${name} (${percent(share)} of a CPU), which the servers beside it lacked`);
  }
}

const BUSY = ": the server was busy while it was not driven";
