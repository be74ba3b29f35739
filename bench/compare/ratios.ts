/**
 * What a record says of its servers by the yardstick: each tested figure as a ratio to it, with an interval. Of few rounds
 * the interval is by variances that are moderated over the cells (moderated.ts).
 */
import { mean } from "simple-statistics";
import { cellsOf } from "../record/cells.ts";
import { metrics as builtIn, type Metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { byYardstick } from "../record/yardstick.ts";
import { moderatedMean, priorOf, spreadOf } from "./moderated.ts";
import { pairedEstimate } from "./rounds.ts";

type Ratio = NonNullable<NonNullable<RunRecord["yardstick"]>["ratios"]>[number];

const LEVEL = 0.05;

export function ratiosOf(record: RunRecord, metrics: Metrics = builtIn): Ratio[] {
  const found = cellsOf(record.samples).flatMap(({ scenario, variant, server }) =>
    [...metrics.values()].flatMap(({ key, class: kind, shown }) => {
      const logs = shown === "tested" ? byYardstick(record, { scenario, variant, server }, key) : [];
      return logs.length > 0 ? [{ scenario, variant, server, metric: key, kind, logs }] : [];
    }),
  );
  const priors = new Map(
    [...Map.groupBy(found, ({ kind }) => kind)].map(([kind, of]) => [
      kind,
      priorOf(of.flatMap(({ logs }) => spreadOf(logs, []) ?? [])),
    ]),
  );
  return found.map(({ kind, logs, ...cell }) => {
    const prior = priors.get(kind);
    const estimate = prior ? moderatedMean(logs, LEVEL, prior) : pairedEstimate(logs, LEVEL);
    const interval = estimate && { low: Math.exp(estimate.low), high: Math.exp(estimate.high) };
    return { ...cell, rounds: logs.length, ratio: Math.exp(mean(logs)), interval };
  });
}
