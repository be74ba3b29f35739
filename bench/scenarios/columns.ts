/** What the tables of a scenario are made of: keys of metrics, and figures computed from samples. No formatting here. */
import { cellName, cellsOf, countOf, lossOf, median, medianOf } from "../record/cells.ts";
import type { Unit } from "../record/metrics.ts";
import type { Sample } from "../record/record.ts";
import { cpuShares, isGeneratorLimited, isOpen } from "../record/saturation.ts";
import { valueText } from "../record/units.ts";

/** What a row stands for: the samples of one cell, those of them that its figures are of, and all of its table. */
export type RowSamples = { samples: readonly Sample[]; shown: readonly Sample[]; table: readonly Sample[] };

/** A figure that is no metric: computed from samples, a number of a unit or words; undefined where there is none. */
export type Computed = {
  heading: string;
  unit?: Unit;
  value: (row: RowSamples) => number | string | undefined;
};

/** The key of a metric, of which a row shows the median, or a computed figure. */
export type Column = string | Computed;

/** A table with a row for each cell. */
export type CellTable = {
  /** Heads the first column. */
  title: string;
  /** Which of the scenario's samples; all unless told. */
  of?: (sample: Sample) => boolean;
  /** These fit into 80 characters. */
  columns: readonly Column[];
  /** Further ones, as far as the terminal is wide enough. */
  more?: readonly Column[];
  /** Lines below the table. */
  notes?: (samples: readonly Sample[]) => string[];
};

/** A table of what only one scenario has to say: rows as they are, and lines or bars below. */
export type DetailTable = {
  head: readonly string[];
  rows: readonly (readonly (string | number | undefined)[])[];
  notes?: readonly string[];
  /** How often each number came, by its index. */
  bars?: { title: string; counts: readonly (number | undefined)[] };
};

/** What was lost of all that was to arrive, invalid samples too. */
export const lost: Computed = { heading: "lost", unit: "share", value: ({ samples }) => lossOf(samples) };

export const count = (name: string, heading = name): Computed => ({
  heading,
  unit: "count",
  value: ({ samples }) => countOf(samples, name),
});

/** Share of one CPU. An open loop's pacer turns while it waits, so that its share says nothing. */
const busy = (whose: "server" | "fleet", heading: string): Computed => ({
  heading,
  unit: "share",
  value: ({ shown }) =>
    median(shown.filter((one) => !isOpen(one)).flatMap((one) => cpuShares(one)[whose] ?? [])),
});
export const serverBusy = busy("server", "server busy");
export const fleetBusy = busy("fleet", "fleet busy");

/** From this share of the load generator's CPU time on a protocol file's own code is what limits it. */
const MOST_OF_IT = 0.5;

/** What a protocol file's own code took of the load generator's time, and whether that was the limit. */
export function parserLimits(samples: readonly Sample[]): string[] {
  return cellsOf(samples).flatMap((cell) => {
    const parser = medianOf(cell.samples, "parserPerUnit");
    if (parser === undefined) return [];
    const all = medianOf(cell.samples, "fleetCpuPerDelivery") ?? medianOf(cell.samples, "fleetCpuPerRequest");
    const limits =
      all !== undefined && parser >= all * MOST_OF_IT && cell.samples.some((one) => isGeneratorLimited(one));
    return [
      `${cellName(cell)}: the protocol file's own code takes ${valueText("ns", parser)} for each unit` +
        (all === undefined ? "" : `, of ${valueText("ns", all)} of load generator CPU`) +
        (limits ? "; it is the limit here, and the server may well do more" : ""),
    ];
  });
}
