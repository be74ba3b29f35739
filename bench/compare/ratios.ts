/**
 * What a record says of its servers by the yardstick: each tested figure as a ratio to it, with an interval. Of few rounds
 * the interval is by variances that are moderated over the cells (moderated.ts).
 */
import { mean } from "simple-statistics";
import { cellsOf } from "../record/cells.ts";
import { metrics as builtIn, type Metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { blocksByYardstick } from "../record/yardstick.ts";
import { figuresOf, moderatedMean, moderationsOf } from "./moderated.ts";
import { pairedEstimate } from "./rounds.ts";

type Ratio = NonNullable<NonNullable<RunRecord["yardstick"]>["ratios"]>[number];

const LEVEL = 0.05;

export function ratiosOf(record: RunRecord, metrics: Metrics = builtIn): Ratio[] {
  const found = cellsOf(record.samples).flatMap(({ scenario, variant, server }) =>
    [...metrics.values()].flatMap(({ key, class: kind, shown }) => {
      const rounds = shown === "tested" ? blocksByYardstick(record, { scenario, variant, server }, key) : [];
      return rounds.length > 0 ? [{ scenario, variant, server, metric: key, of: kind, sides: [rounds] }] : [];
    }),
  );
  const moderations = moderationsOf(found);
  return found.map(({ of, sides: [rounds], ...cell }) => {
    const moderation = moderations.get(of);
    const figures = figuresOf(rounds);
    const estimate = moderation ? moderatedMean(rounds, LEVEL, moderation) : pairedEstimate(figures, LEVEL);
    const interval = estimate && { low: Math.exp(estimate.low), high: Math.exp(estimate.high) };
    return { ...cell, rounds: rounds.length, ratio: Math.exp(mean(figures)), interval };
  });
}
