/** How many samples of a cell are wanted, and what is said where there are fewer. */
import { cellKey, cellName } from "../record/cells.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import type { Cell } from "../scenarios/scenario.ts";
import type { RunOptions } from "./run.ts";
import type { Pair } from "./session.ts";

export const samplesOf = (record: RunRecord, { cell, source }: Pair): Sample[] => {
  const key = cellKey({ ...cell, server: source.name });
  return record.samples.filter((sample) => cellKey(sample) === key);
};

/** Valid samples that are wanted of a cell. */
export const wantedOf = (
  { repeats, secondary }: Cell,
  { samples, secondarySamples = samples }: Pick<RunOptions, "samples" | "secondarySamples">,
): number => (!repeats ? 1 : secondary ? secondarySamples : samples);

/** Says in words why there are fewer valid samples than wanted. */
export function warnOfInvalid(pair: Pair, record: RunRecord, wanted: number): void {
  const { cell, source } = pair;
  const mine = samplesOf(record, pair);
  const valid = mine.filter(isValid).length;
  if (valid >= wanted) return;
  const rules = Map.groupBy(
    mine.flatMap(({ invalid }) => invalid),
    ({ rule }) => rule,
  );
  const counts = [...rules].map(([rule, list]) => `${rule} ${list.length}×`).join(", ");
  record.warnings.push(
    `${cellName({ ...cell, server: source.name })}: ${valid} valid of ${mine.length} taken, ${wanted} wanted (${counts})`,
  );
}
