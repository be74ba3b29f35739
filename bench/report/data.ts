/** What the sections share of a record: samples that belong together, their medians, and their curves. */
import {
  createHistogram,
  decodeHistogram,
  type Histogram,
  percentile,
  percentilesShown,
} from "../../clients/histogram.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { type CellSamples, cellsOf, serverLabel, severalServers } from "../record/cells.ts";
import type { RunRecord, Sample } from "../record/record.ts";

/** The cells of a record as a person sorts them. */
export function groupsOf(record: RunRecord): CellSamples[] {
  const ordered = [...record.samples].sort((a, b) => a.order - b.order);
  return cellsOf(ordered).sort((a, b) => byName(nameOf(a), nameOf(b)) || byName(a.server, b.server));
}

/** "10" before "100", as a person sorts. */
export const byName = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true });

export const nameOf = ({ scenario, variant }: Pick<CellSamples, "scenario" | "variant">): string =>
  variant === "" || variant === scenario ? scenario : `${scenario} · ${variant}`;

/** The name, and the server where there is more than one to confuse it with. */
export const fullName = (group: CellSamples, record: RunRecord): string =>
  severalServers(record) ? `${nameOf(group)} · ${serverLabel(group.server)}` : nameOf(group);

/** A histogram of all these samples; undefined where none has it. */
export function histogramOf(samples: readonly Sample[], name: string): Histogram | undefined {
  const texts = samples.flatMap(({ histograms }) => (histograms[name] ? [histograms[name]] : []));
  if (texts.length === 0) return undefined;
  const sum = createHistogram();
  try {
    for (const text of texts) sum.add(decodeHistogram(text));
  } catch {
    throw new Failure(
      exitCodes.usage,
      `the record's histogram "${name}" of ${nameOf(samples[0])} is no HDR histogram; was the record edited?`,
    );
  }
  return sum.totalCount === 0 ? undefined : sum;
}

/** A point of a percentile curve: `beyond` is 1 / (1 - p), so that p99 stands at 100 and p99.9 at 1,000. */
export type CurvePoint = { beyond: number; value: number };

const POINTS_PER_DECADE = 12;

/** The curve as far as the number of values supports it: ten must lie beyond the last point. */
export function curveOf(histogram: Histogram): CurvePoint[] {
  const points: CurvePoint[] = [];
  const farthest = histogram.totalCount / 10;
  for (let step = 0; ; step++) {
    const beyond = Math.min(10 ** (step / POINTS_PER_DECADE), farthest);
    if (beyond < 1) break;
    const value = histogram.getValueAtPercentile(100 * (1 - 1 / beyond));
    points.push({ beyond, value: Math.max(1, value) });
    if (beyond === farthest) break;
  }
  return points;
}

/** The percentiles that are shown in tables, undefined where too few values lie beyond. */
export const percentilesOf = (histogram: Histogram): (number | undefined)[] =>
  percentilesShown.map((p) => percentile(histogram, p));
