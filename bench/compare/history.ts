/** One figure over all records: a line for each cell in the terminal, with dates and values under it. */
import { median } from "simple-statistics";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { cellName, cellsOf, valuesOf } from "../record/cells.ts";
import { metrics as builtIn, type Metric, type Metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { NONE, valueText } from "../record/units.ts";
import { byYardstick } from "../record/yardstick.ts";
import { table } from "../terminal/format.ts";
import { sparkline } from "../terminal/plots.ts";
import { CHANGE_LEVEL, changePoints } from "./change-points.ts";
import type { Side } from "./comparison.ts";
import { unlikeEnvironments, unlikeYardsticks } from "./likeness.ts";
import { medianInterval } from "./statistics.ts";
import { sideText, verdictWord } from "./words.ts";

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

/** Where the figure changed for good: the median of the points from there to the next change, and of those before. */
export type HistoryChange = {
  /** Index of the first point at the new level. */
  at: number;
  old: number;
  new: number;
  /** New to old; null where there is none, since a side is 0. */
  ratio: number | null;
  /** Commits of the last point before and the first one after. */
  commits: [string | null, string | null];
};

export type HistoryLine = { cell: string; points: HistoryPoint[]; changes: HistoryChange[] };

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
  return [...lines].map(([cell, { points }]) => ({ cell, points, changes: changesOf(points) }));
}

const ratioOf = (logs: readonly number[]) => (logs.length > 0 ? Math.exp(median([...logs])) : null);

/** Each stretch on one machine and runtime by itself: what changed between two of them is not the server's. */
function changesOf(points: readonly HistoryPoint[]): HistoryChange[] {
  const starts = [0, ...points.flatMap(({ changed }, i) => (i > 0 && changed.length > 0 ? [i] : []))];
  return starts.flatMap((start, i) => {
    const stretch = points.slice(start, starts[i + 1] ?? points.length);
    const medians = stretch.map(({ side }) => side.median);
    // A change is one of so many percent: by how much depends on no unit and no level.
    const cuts = changePoints(medians.every((value) => value > 0) ? medians.map(Math.log) : medians);
    return cuts.map((cut, n): HistoryChange => {
      const before = median(medians.slice(cuts[n - 1] ?? 0, cut));
      const after = median(medians.slice(cut, cuts[n + 1] ?? medians.length));
      return {
        at: start + cut,
        old: before,
        new: after,
        ratio: before > 0 && after > 0 ? after / before : null,
        commits: [stretch[cut - 1].commit, stretch[cut].commit],
      };
    });
  });
}

/** `1.00 µs → 1.10 µs, × 1.100 (slower), commits 012345678..9abcdef01`. */
export function changeWords(change: HistoryChange, { unit, better, class: kind }: Metric): string {
  const { old, new: now, ratio, commits } = change;
  const verdict = now > old === (better === "higher") ? "faster" : "slower";
  const size = ratio === null ? "" : `, × ${ratio.toFixed(3)}`;
  const [before, after] = commits;
  const range = before === after ? "on the same commit" : `commits ${before ?? "?"}..${after ?? "?"}`;
  const word = verdictWord({ verdict, class: kind });
  return `${valueText(unit, old)} → ${valueText(unit, now)}${size} (${word})${before || after ? `, ${range}` : ""}`;
}

/** What a mark in a line means, and how often one is wrong. */
export const MARKS_MEAN = `Where a level changed is searched by E-divisive on one machine and runtime at a time; of series without a change ${CHANGE_LEVEL * 100} % are marked all the same.`;

export function renderHistory(
  lines: readonly HistoryLine[],
  metric: string,
  metrics: Metrics = builtIn,
): string {
  const shown = metrics.get(metric)!;
  const { label, unit, better } = shown;
  const write = (median: number) => valueText(unit, median);
  const parts = lines.map(({ cell, points, changes }) => {
    const medians = points.map(({ side }) => side.median);
    const beside = points.some(({ toYardstick }) => toYardstick !== null);
    const rows = points.map(({ startedAt, commit, side, toYardstick, changed }, i) => [
      startedAt.slice(0, 16).replace("T", " "),
      commit ?? "",
      sideText(unit, side),
      `${side.samples}`,
      ...(beside ? [toYardstick === null ? NONE : `× ${toYardstick.toFixed(3)}`] : []),
      [
        ...changes.filter(({ at }) => at === i).map((one) => `changed: ${changeWords(one, shown)}`),
        ...(changed.length > 0 ? [`another machine or runtime: ${changed.join(", ")}`] : []),
      ].join("; "),
    ]);
    const head = ["", "commit", "median", "samples", ...(beside ? ["to the yardstick"] : []), ""];
    const marks = changes.map(({ at }) => at);
    return `${cell}\n${sparkline(medians, write, marks)}\n${table(head, rows)}`;
  });
  const found = lines.reduce((sum, { changes }) => sum + changes.length, 0);
  const marked =
    found === 0 ? "no change found" : `${found} ${found === 1 ? "change" : "changes"} found, marked │`;
  const places = `${marked}. ${MARKS_MEAN}`;
  return [`${label}, ${better} is better\n${places}`, ...parts].join("\n\n");
}
