/**
 * Figures by the yardstick: what the servers of a record were, round by round, as ratios to what never changes and was
 * driven in the same blocks. Raw figures of two runs differ by the machine's mood; these differ by the servers.
 */
import { median } from "simple-statistics";
import { yardstickHash } from "../../servers/yardstick/frozen.ts";
import { blockRatios, roundFigure } from "./blocks.ts";
import { type CellId, cellKey } from "./cells.ts";
import type { RunRecord, Sample } from "./record.ts";
import { isValid } from "./validity.ts";

/** The samples of the yardstick that a record has, to be added to. */
export function yardstickSamples(record: RunRecord): Sample[] {
  record.yardstick ??= { sha256: yardstickHash(), samples: [] };
  return record.yardstick.samples;
}

type OfRound = Pick<Sample, "scenario" | "variant" | "round">;

const roundKey = ({ scenario, variant, round }: OfRound): string =>
  JSON.stringify([scenario, variant, round ?? null]);

/**
 * One figure of a cell by the yardstick: the logarithm of the ratio to it, in each block of each valid round that has both.
 * Empty where nothing was measured beside it, or where the yardstick has no such figure.
 */
export function blocksByYardstick(
  { yardstick, samples }: RunRecord,
  cell: CellId,
  metric: string,
): number[][] {
  const beside = new Map(yardstick?.samples.map((sample) => [roundKey(sample), sample]));
  const key = cellKey(cell);
  return samples
    .filter((sample) => sample.round !== undefined && cellKey(sample) === key && isValid(sample))
    .flatMap((sample) => {
      const measure = beside.get(roundKey(sample));
      if (!measure || measure.wrong.length > 0 || sample.metrics[metric] === undefined) return [];
      const sides = [measure.slices?.[metric] ?? [], sample.slices?.[metric] ?? []] as const;
      return roundFigure(...sides) === undefined ? [] : [blockRatios(...sides)];
    });
}

/** The same by round: the median over its blocks. */
export const byYardstick = (record: RunRecord, cell: CellId, metric: string): number[] =>
  blocksByYardstick(record, cell, metric).map((blocks) => median(blocks));
