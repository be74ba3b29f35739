/** How a run of the bench ends: what its record says, as an exit code. */
import { type ExitCode, exitCodes, type Failure } from "../../platform/failure.ts";
import type { RunRecord } from "../record/record.ts";

/**
 * A wrong server outranks what ended the run, and that outranks doubts about figures. Of a server that is only there to
 * be compared with (`base`, the revision of --against) nothing is asked: a change that fixes its fault is no failure.
 */
export function codeOf(
  { samples, warnings, capacity }: Pick<RunRecord, "samples" | "warnings" | "capacity">,
  failure: Failure | undefined,
  base?: string,
): ExitCode {
  if (samples.some(({ wrong, server }) => wrong.length > 0 && server !== base)) return exitCodes.wrong;
  if (failure) return failure.exitCode;
  if (capacity && !capacity.answer)
    return capacity.unjudged === undefined ? exitCodes.wrong : exitCodes.untrusted;
  return warnings.length > 0 ? exitCodes.untrusted : exitCodes.ok;
}
