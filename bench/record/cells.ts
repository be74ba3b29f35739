/**
 * A cell of a record: the samples of one variant of one scenario on one server, which are repetitions of one
 * measurement. Whoever groups, names or looks up samples does it here.
 */
import { median as medianOfSome } from "simple-statistics";
import { REFERENCE, type RunRecord, type Sample } from "./record.ts";
import { isValid } from "./validity.ts";

export type CellId = Pick<Sample, "scenario" | "variant" | "server">;

/** Samples in the order of the run; `valid` are those that count. */
export type CellSamples = CellId & { protocol: string; samples: Sample[]; valid: Sample[] };

export const cellKey = ({ scenario, variant, server }: CellId): string =>
  JSON.stringify([scenario, variant, server]);

/** `fanout chat/bracket 100 open bun`. */
export const cellName = ({ scenario, variant, server }: CellId): string =>
  [scenario, variant, server].filter(Boolean).join(" ");

/** The cells of samples, in the order in which they first come. */
export const cellsOf = (samples: readonly Sample[]): CellSamples[] =>
  [...Map.groupBy(samples, cellKey).values()].map((of) => {
    const { scenario, variant, server, protocol } = of[0];
    return { scenario, variant, server, protocol, samples: of, valid: of.filter(isValid) };
  });

/** The servers under test, in the order in which they first come; what stands beside them is none of them. */
export const serversOf = (samples: readonly Sample[]): string[] => [
  ...new Set(samples.map(({ server }) => server).filter((server) => server !== REFERENCE)),
];

export const severalServers = ({ samples }: Pick<RunRecord, "samples">): boolean =>
  serversOf(samples).length > 1;

/** What stands beside the servers under test, for comparison, is told from them. */
export const serverLabel = (server: string): string =>
  server === REFERENCE ? `raw copy (${REFERENCE})` : server;

/** The median; undefined of nothing. */
export const median = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : medianOfSome([...values]);

/** The values of a metric, of the samples that have it. */
export const valuesOf = (samples: readonly Sample[], metric: string): number[] =>
  samples.flatMap(({ metrics }) => metrics[metric] ?? []);

export const medianOf = (samples: readonly Sample[], metric: string): number | undefined =>
  median(valuesOf(samples, metric));

export const countOf = (samples: readonly Sample[], name: string): number =>
  samples.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0);

/** What was lost, or not answered, of what was to come; 0 where nothing was to come. */
export function lossOf(samples: readonly Sample[]): number {
  const expected = countOf(samples, "expected");
  if (samples.some(({ counts }) => counts.expected !== undefined))
    return expected > 0 ? countOf(samples, "lost") / expected : 0;
  const sent = countOf(samples, "sent");
  return sent > 0 ? countOf(samples, "missing") / sent : 0;
}
