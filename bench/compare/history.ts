/** One figure over all records: a line for each cell in the terminal, with dates and values under it. */
import { median } from "simple-statistics";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { metrics } from "../record/metrics.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { table } from "../terminal/format.ts";
import { sparkline } from "../terminal/plots.ts";
import type { Side } from "./comparison.ts";
import { unlikeEnvironments } from "./likeness.ts";
import { medianInterval } from "./statistics.ts";
import { valueText } from "./words.ts";

export type HistoryPoint = {
  record: string;
  startedAt: string;
  commit: string | null;
  side: Side;
  /** Fields of the environment that differ from those of the point before: there the line says nothing. */
  changed: string[];
};

export type HistoryLine = { cell: string; points: HistoryPoint[] };

/** Records in the order of time; only samples that count. */
export function historyOf(records: readonly RunRecord[], metric: string): HistoryLine[] {
  if (!(metric in metrics))
    throw new Failure(
      exitCodes.usage,
      `unknown metric "${metric}": expected one of: ${Object.keys(metrics).join(", ")}`,
    );
  const lines = new Map<string, { points: HistoryPoint[]; last: RunRecord }>();
  const cellOf = ({ scenario, variant, server }: Sample) => `${scenario} ${variant} ${server}`;
  for (const record of records.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt))) {
    const valid = record.samples.filter(({ invalid, metrics }) => invalid.length === 0 && metric in metrics);
    for (const [cell, samples] of Map.groupBy(valid, cellOf)) {
      const line = lines.get(cell) ?? { points: [], last: record };
      const values = samples.map((sample) => sample.metrics[metric]);
      line.points.push({
        record: record.id,
        startedAt: record.startedAt,
        commit: record.environment.git?.commit.slice(0, 9) ?? null,
        side: { samples: values.length, median: median(values), interval: medianInterval(values) },
        changed: unlikeEnvironments(line.last, record).map(({ field }) => field),
      });
      lines.set(cell, { ...line, last: record });
    }
  }
  return [...lines].map(([cell, { points }]) => ({ cell, points }));
}

export function renderHistory(lines: readonly HistoryLine[], metric: string): string {
  const { label, unit, better } = metrics[metric];
  const write = (median: number) => valueText(unit, { samples: 1, median, interval: null });
  const parts = lines.map(({ cell, points }) => {
    const medians = points.map(({ side }) => side.median);
    const rows = points.map(({ startedAt, commit, side, changed }) => [
      startedAt.slice(0, 16).replace("T", " "),
      commit ?? "",
      valueText(unit, side),
      `${side.samples}`,
      changed.length > 0 ? `another machine or runtime: ${changed.join(", ")}` : "",
    ]);
    const head = ["", "commit", "median", "samples", ""];
    return `${cell}\n${sparkline(medians, write)}\n${table(head, rows)}`;
  });
  return [`${label}, ${better} is better`, ...parts].join("\n\n");
}
