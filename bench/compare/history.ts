/** One figure over all records: a line for each cell in the terminal, with dates and values under it. */
import { median } from "simple-statistics";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { cellName, cellsOf, valuesOf } from "../record/cells.ts";
import { metrics as builtIn, type Metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { NONE, valueText } from "../record/units.ts";
import { byYardstick } from "../record/yardstick.ts";
import { table } from "../terminal/format.ts";
import { sparkline } from "../terminal/plots.ts";
import type { Side } from "./comparison.ts";
import { unlikeEnvironments, unlikeYardsticks } from "./likeness.ts";
import { medianInterval } from "./statistics.ts";
import { sideText } from "./words.ts";

export type HistoryPoint = {
  record: string;
  startedAt: string;
  commit: string | null;
  side: Side;
  /** The same as a ratio to the yardstick that stood beside it: the median of the rounds; null where none did. */
  toYardstick: number | null;
  /** Fields of the environment that differ from those of the point before: there the line says nothing. */
  changed: string[];
};

export type HistoryLine = { cell: string; points: HistoryPoint[] };

/** Records in the order of time; only samples that count. */
export function historyOf(
  records: readonly RunRecord[],
  metric: string,
  metrics: Metrics = builtIn,
): HistoryLine[] {
  if (!metrics.has(metric))
    throw new Failure(
      exitCodes.usage,
      `unknown metric "${metric}": expected one of: ${[...metrics.keys()].join(", ")}`,
    );
  const lines = new Map<string, { points: HistoryPoint[]; last: RunRecord }>();
  for (const record of records.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt))) {
    for (const { valid, ...id } of cellsOf(record.samples)) {
      const values = valuesOf(valid, metric);
      if (values.length === 0) continue;
      const cell = cellName(id);
      const line = lines.get(cell) ?? { points: [], last: record };
      line.points.push({
        record: record.id,
        startedAt: record.startedAt,
        commit: record.environment.git?.commit.slice(0, 9) ?? null,
        side: { samples: values.length, median: median(values), interval: medianInterval(values) },
        toYardstick: ratioOf(byYardstick(record, id, metric)),
        changed: [...unlikeEnvironments(line.last, record), ...unlikeYardsticks(line.last, record)].map(
          ({ field }) => field,
        ),
      });
      lines.set(cell, { ...line, last: record });
    }
  }
  return [...lines].map(([cell, { points }]) => ({ cell, points }));
}

const ratioOf = (logs: readonly number[]) => (logs.length > 0 ? Math.exp(median([...logs])) : null);

export function renderHistory(
  lines: readonly HistoryLine[],
  metric: string,
  metrics: Metrics = builtIn,
): string {
  const { label, unit, better } = metrics.get(metric)!;
  const write = (median: number) => valueText(unit, median);
  const parts = lines.map(({ cell, points }) => {
    const medians = points.map(({ side }) => side.median);
    const beside = points.some(({ toYardstick }) => toYardstick !== null);
    const rows = points.map(({ startedAt, commit, side, toYardstick, changed }) => [
      startedAt.slice(0, 16).replace("T", " "),
      commit ?? "",
      sideText(unit, side),
      `${side.samples}`,
      ...(beside ? [toYardstick === null ? NONE : `× ${toYardstick.toFixed(3)}`] : []),
      changed.length > 0 ? `another machine or runtime: ${changed.join(", ")}` : "",
    ]);
    const head = ["", "commit", "median", "samples", ...(beside ? ["to the yardstick"] : []), ""];
    return `${cell}\n${sparkline(medians, write)}\n${table(head, rows)}`;
  });
  return [`${label}, ${better} is better`, ...parts].join("\n\n");
}
