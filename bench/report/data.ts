/** What the sections share of a record: samples that belong together, their medians, and their curves. */
import {
  createHistogram,
  decodeHistogram,
  type Histogram,
  percentile,
  percentilesShown,
} from "../../clients/histogram.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { type Metric, metrics } from "../record/metrics.ts";
import { REFERENCE, type RunRecord, type Sample } from "../record/record.ts";
import { median } from "../terminal/format.ts";

export { median };

/** Samples that compare: one variant of one scenario at one server. */
export type Group = {
  scenario: string;
  variant: string;
  server: string;
  protocol: string;
  /** Valid and invalid ones, in the order of the run. */
  samples: Sample[];
  valid: Sample[];
};

export const isValid = (sample: Sample): boolean => sample.invalid.length === 0;

/** Groups by what `key` says, in the order in which they first come. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return [...groups];
}

export function groupsOf(record: RunRecord): Group[] {
  const ordered = [...record.samples].sort((a, b) => a.order - b.order);
  const groups = groupBy(ordered, (sample) =>
    JSON.stringify([sample.scenario, sample.variant, sample.server]),
  ).map(([, samples]) => ({
    scenario: samples[0].scenario,
    variant: samples[0].variant,
    server: samples[0].server,
    protocol: samples[0].protocol,
    samples,
    valid: samples.filter(isValid),
  }));
  return groups.sort((a, b) => byName(nameOf(a), nameOf(b)) || byName(a.server, b.server));
}

/** "10" before "100", as a person sorts. */
export const byName = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true });

export const nameOf = ({ scenario, variant }: Pick<Group, "scenario" | "variant">): string =>
  variant === "" || variant === scenario ? scenario : `${scenario} · ${variant}`;

export const serversOf = (record: RunRecord): string[] => [
  ...new Set(record.samples.map(({ server }) => server)),
];

export const severalServers = (record: RunRecord): boolean =>
  serversOf(record).filter((server) => server !== REFERENCE).length > 1;

/** The name, and the server where there is more than one to confuse it with. */
export const fullName = (group: Group, record: RunRecord): string =>
  severalServers(record) ? `${nameOf(group)} · ${group.server}` : nameOf(group);

export const valuesOf = (samples: readonly Sample[], metric: string): number[] =>
  samples.flatMap(({ metrics }) => (metrics[metric] === undefined ? [] : [metrics[metric]]));

export const medianOf = (group: Group, metric: string): number | undefined =>
  median(valuesOf(group.valid, metric));

export const describe = (metric: string): Metric | undefined => metrics[metric];
export const labelOf = (metric: string): string => describe(metric)?.label ?? metric;

/** Open loop: messages are sent at a rate that was asked for, whatever the server makes of it. */
export const isOpen = ({ parameters }: Sample): boolean =>
  parameters.loop === undefined ? Number(parameters.rate ?? 0) > 0 : parameters.loop === "open";

const openHeadlines = ["delivery.p99", "roundTrip.p99", "delivery.p50", "roundTrip.p50"];
const closedHeadlines = ["deliveryRate", "requestRate"];

/** The one figure that stands for a sample: latency where the rate was given, the rate where it was sought. */
export function headlineOf(group: Group): string | undefined {
  const sample = group.samples[0];
  const order = isOpen(sample)
    ? [...openHeadlines, ...closedHeadlines]
    : [...closedHeadlines, ...openHeadlines];
  return order.find((metric) => group.samples.some(({ metrics }) => metrics[metric] !== undefined));
}

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
