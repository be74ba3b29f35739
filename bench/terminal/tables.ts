/**
 * A scenario's tables, derived from its columns and from the descriptions of metrics: a row for each cell, medians of
 * the valid samples. What a table cannot show is marked, and `legend` says what the marks mean.
 */
import { type CellSamples, cellsOf, serverLabel, severalServers } from "../record/cells.ts";
import { AT_LEAST, figureOf } from "../record/figures.ts";
import type { Metrics } from "../record/metrics.ts";
import type { Sample } from "../record/record.ts";
import { cellText, NONE } from "../record/units.ts";
import type { CellTable, Column, DetailTable, RowSamples } from "../scenarios/columns.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { table, widthOf } from "./format.ts";
import { barHistogram } from "./plots.ts";

const DOUBTFUL = " ?";

/** What `width` is where nothing wraps. */
export const UNBOUNDED = Number.POSITIVE_INFINITY;

/** All tables of a scenario, of its samples, within `width` characters as far as its columns allow. */
export function tablesOf(
  { tables = [], details }: Pick<Scenario, "tables" | "details">,
  samples: readonly Sample[],
  metrics: Metrics,
  width = UNBOUNDED,
): string[] {
  const cells = tables.flatMap((one) => {
    const mine = samples.filter((sample) => one.of?.(sample) ?? true);
    if (mine.length === 0) return [];
    return [[cellTable(one, mine, metrics, width), ...(one.notes?.(mine) ?? [])].join("\n")];
  });
  return [...cells, ...(details?.(samples) ?? []).map(detailTable)];
}

function cellTable(
  { title, columns, more = [] }: CellTable,
  samples: readonly Sample[],
  metrics: Metrics,
  width: number,
): string {
  const rows = rowsOf(title, samples);
  const draw = (shown: readonly Column[]) =>
    table(
      [title, "valid", ...shown.map((column) => headingOf(column, metrics))],
      rows.map(({ label, cell }) => (cell ? [label, ...figuresOf(cell, samples, shown, metrics)] : [label])),
    );
  let drawn = draw(columns);
  for (let further = 1; further <= more.length; further++) {
    const wider = draw([...columns, ...more.slice(0, further)]);
    if (widthOf(wider) > width) break;
    drawn = wider;
  }
  return drawn;
}

type Row = { label: string; cell?: CellSamples };

/** A row for each cell; of several servers, a heading for each variant and the servers below it. */
function rowsOf(title: string, samples: readonly Sample[]): Row[] {
  const cells = cellsOf(samples);
  const several = severalServers({ samples: [...samples] });
  return [...Map.groupBy(cells, ({ variant }) => variant)].flatMap(([variant, of]): Row[] => {
    const label = withoutWords(variant, title);
    if (!several) return of.map((cell) => ({ label: label + markOf(cell), cell }));
    return [
      { label },
      ...of.map((cell) => ({ label: `  ${serverLabel(cell.server)}${markOf(cell)}`, cell })),
    ];
  });
}

/** `chat/bracket 100 open` in the table of the open loop is `chat/bracket 100`. */
function withoutWords(variant: string, title: string): string {
  const said = new Set(title.split(" "));
  return (
    variant
      .split(" ")
      .filter((word) => !said.has(word))
      .join(" ") || variant
  );
}

const markOf = ({ valid }: CellSamples) => (valid.length > 0 ? "" : DOUBTFUL);

const headingOf = (column: Column, metrics: Metrics): string =>
  typeof column === "string" ? (metrics.get(column)?.heading ?? column) : column.heading;

function figuresOf(
  { samples, valid }: CellSamples,
  all: readonly Sample[],
  columns: readonly Column[],
  metrics: Metrics,
): string[] {
  // Where none is valid, all are shown, and the row is marked.
  const row: RowSamples = { samples, shown: valid.length > 0 ? valid : samples, table: all };
  return [
    `${valid.length}/${samples.length}`,
    ...columns.map((column) =>
      typeof column === "string"
        ? metricText(column, row, metrics)
        : computedText(column.value(row), column.unit),
    ),
  ];
}

function metricText(key: string, { samples, shown }: RowSamples, metrics: Metrics): string {
  const { unit, class: kind } = metrics.get(key) ?? { unit: "count", class: "other" };
  const { value, atLeast } = figureOf({ key, class: kind }, samples, shown);
  return (atLeast ? AT_LEAST : "") + cellText(unit, value);
}

const computedText = (value: number | string | undefined, unit: Parameters<typeof cellText>[0] = "count") =>
  typeof value === "string" ? value : cellText(unit, value);

function detailTable({ head, rows, notes = [], bars }: DetailTable): string {
  const cells = rows.map((row) => row.map((value) => computedText(value)));
  return [table(head, cells), ...notes, ...(bars ? [`${bars.title}:`, barHistogram(bars.counts)] : [])].join(
    "\n",
  );
}

/** What the marks in these tables mean, one line each, as far as they occur. */
export function legend(tables: readonly string[]): string[] {
  const text = tables.join("\n");
  return [
    ...(/(^| )–( |$)/m.test(text) ? [`${NONE}  not measured, or too few values to support it`] : []),
    ...(text.includes(AT_LEAST)
      ? ["≥  lower bound: the load generator was saturated, and the server was not"]
      : []),
    ...(/ \?( |$)/m.test(text) ? ["?  no valid sample: do not rely on these figures"] : []),
  ];
}
