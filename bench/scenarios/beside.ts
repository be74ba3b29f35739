/**
 * Servers of different protocols in one table: a row for each, with what it did under both kinds of load. What a
 * protocol allows is told below, and held against no server.
 */
import { type CellSamples, cellName, cellsOf, countOf, lossOf } from "../record/cells.ts";
import { AT_LEAST, figureOf } from "../record/figures.ts";
import { metrics } from "../record/metrics.ts";
import type { Sample } from "../record/record.ts";
import { isOpen } from "../record/saturation.ts";
import { cellText, percent, whole } from "../record/units.ts";
import type { DetailTable } from "./columns.ts";

/** Whether it stands beside servers of other protocols: then the protocol is none of what all were asked for. */
export const isBeside = ({ parameters }: Pick<Sample, "parameters">): boolean =>
  parameters.protocol === undefined;

const fromClosed = ["deliveryRate", "serverCpuPerDelivery", "serverMemoryLoaded"] as const;
const fromOpen = ["first.p50", "last.p50", "last.p99"] as const;

/** A table for each room, of the samples that stand beside each other. */
export function besideTables(samples: readonly Sample[]): DetailTable[] {
  const cells = cellsOf(samples.filter(isBeside));
  return [...Map.groupBy(cells, roomOf)].map(([room, cells]) => ({
    head: [
      `room of ${room}`,
      "valid",
      "protocol",
      ...[...fromClosed, ...fromOpen].map((key) => metrics.get(key)?.heading ?? key),
      "lost",
      "repeated",
    ],
    rows: [...Map.groupBy(cells, ({ server }) => server)].map(([server, own]) => rowOf(server, own)),
    notes: allowedNotes(samples),
  }));
}

/** `200 open` and `200 closed` are rooms of 200. */
const roomOf = ({ variant }: CellSamples): string => variant.split(" ")[0];

function rowOf(server: string, cells: readonly CellSamples[]): string[] {
  const samples = cells.flatMap((cell) => cell.samples);
  const valid = cells.flatMap((cell) => cell.valid);
  const text = (open: boolean) => (key: string) => {
    const cell = cells.find(({ samples: [first] }) => isOpen(first) === open);
    const metric = metrics.get(key);
    if (!cell || !metric) return cellText("count", undefined);
    const { value, atLeast } = figureOf(
      metric,
      cell.samples,
      cell.valid.length > 0 ? cell.valid : cell.samples,
    );
    return (atLeast ? AT_LEAST : "") + cellText(metric.unit, value);
  };
  const doubtful = cells.some((cell) => cell.valid.length === 0);
  return [
    server + (doubtful ? " ?" : ""),
    `${valid.length}/${samples.length}`,
    cells[0].protocol,
    ...fromClosed.map(text(false)),
    ...fromOpen.map(text(true)),
    percent(lossOf(samples)),
    whole(countOf(samples, "duplicated")),
  ];
}

const words: Record<string, string> = {
  lost: "did not arrive",
  duplicated: "came more than once",
  reordered: "came out of order",
};

/** Faults that no sample holds against its server. */
export function allowedNotes(samples: readonly Sample[]): string[] {
  return cellsOf(samples).flatMap((cell) =>
    Object.entries(words).flatMap(([kind, what]) => {
      const count = countOf(cell.samples, kind);
      const held = cell.samples.some(({ wrong }) => wrong.some((one) => one.kind === kind));
      return count > 0 && !held
        ? [`${cellName(cell)}: ${whole(count)} deliveries ${what}, which ${cell.protocol} allows`]
        : [];
    }),
  );
}
