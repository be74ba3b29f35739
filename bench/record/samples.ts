/** From fleets' reports to the parts of a sample that all scenarios share. */
import { type Histogram, percentile, percentilesShown } from "../../clients/histogram.ts";
import type { SumWitness } from "../../clients/request-clients.ts";
import type { Used } from "../../platform/meter.ts";
import type { Promises } from "../../protocols/definition.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Fleets } from "../run/fleets.ts";
import { type Contention, contentionOf } from "./contention.ts";
import { percentileKey } from "./metrics.ts";
import type { Meters, RunRecord, Sample, Wrong } from "./record.ts";

/**
 * Joins what the fleets measured of the same time. Only fleet 0 looks at the server.
 * @param standing where the fleets stand on several machines: each is looked at by its own, and the server by the agent
 * that has started it
 */
export function joinMeters(
  used: Used[],
  pacerIdle?: number[],
  { machines, serverUse }: Pick<Fleets, "machines" | "serverUse"> = {},
): Meters {
  const apart = serverUse?.()?.used;
  const first = apart ?? used[0];
  const groups = [
    ...Map.groupBy(used, (one) => machines?.[used.indexOf(one)] ?? 0).values(),
    ...(apart ? [[apart]] : []),
  ];
  const lookers = groups.map(([looker]) => looker);
  return {
    elapsed: used[0].elapsed,
    serverCpu: first.serverCpu ?? null,
    ...(first.serverCpuUnknown === undefined ? {} : { serverCpuUnknown: first.serverCpuUnknown }),
    fleetCpu: used.map(({ ownCpu }) => ownCpu),
    cpuWait: longest(used.flatMap(({ ownWait, serverWait }) => [ownWait, serverWait])),
    serverWait: first.serverWait ?? null,
    serverMemory: first.serverMemoryBytes ?? null,
    ...worstOf(groups.map(contentionOf)),
    stolen: longest(lookers.map(({ stolen }) => stolen)),
    clockStep: lookers.reduce((most, { clockStep }) => farther(most, clockStep), 0),
    udpBufferDrops: sumOf(lookers.map(({ udpBufferDrops }) => udpBufferDrops)),
    tcpRetransmits: sumOf(lookers.map(({ tcpRetransmits }) => tcpRetransmits)),
    ...(pacerIdle ? { pacerIdle: Math.min(...pacerIdle) } : {}),
  };
}

function longest(waits: (number | undefined)[]): number | null {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? null : Math.max(...known);
}

const farther = (a: number, b: number) => (Math.abs(b) > Math.abs(a) ? b : a);

/** Of a count that one machine cannot tell, the sum is not known. */
const sumOf = (counts: (number | undefined)[]): number | null =>
  counts.reduce<number | null>((sum, one) => (sum === null || one === undefined ? null : sum + one), 0);

/** Each machine for itself: of every figure the worst. */
const worstOf = (all: readonly Contention[]): Contention => {
  const worst = (name: keyof Contention) => longest(all.map((one) => one[name] ?? undefined));
  return { others: worst("others"), contended: worst("contended"), shared: worst("shared") };
};

/** Servers that were left on the CPUs where they ran, beside the fleets, in a run that pinned. */
export function unpinnedServers({
  samples,
  environment,
}: Pick<RunRecord, "samples" | "environment">): string[] {
  // An older record says it of the whole run.
  const all = environment.pinned?.server.length === 0;
  return [...new Set(samples.filter(({ pinned }) => all || pinned === false).map(({ server }) => server))];
}

/** `name.p50` and so on, as far as the number of entries supports them. */
export function percentiles(name: string, histogram: Histogram): Record<string, number> {
  return Object.fromEntries(
    percentilesShown.flatMap((p) => {
      const value = percentile(histogram, p);
      return value === undefined ? [] : [[`${name}.${percentileKey(p)}`, value]];
    }),
  );
}

/** Medians of an open loop's halves: where they differ, the load was not what the server can do in the long run. */
export function halfMedians(first: Histogram, second: Histogram): Record<string, number> {
  const [a, b] = [percentile(first, 50), percentile(second, 50)];
  return a === undefined || b === undefined ? {} : { "firstHalf.p50": a, "secondHalf.p50": b };
}

export const total = <T>(reports: readonly T[], value: (report: T) => number): number =>
  reports.reduce((sum, report) => sum + value(report), 0);

/** Adds up counts of the same names. */
export function addCounts(list: readonly Record<string, number>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of list)
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

/** Per second, from a count and nanoseconds. */
export const perSecond = (count: number, nanoseconds: number): number => (count / nanoseconds) * 1e9;

/** CPU metrics per unit of work: only where there was enough work, and where the CPU could be read. */
export function cpuMetrics(
  meters: Meters,
  work: number,
  unit: "Delivery" | "Request" | "Session",
): Record<string, number> {
  if (work === 0) return {};
  const fleet = meters.fleetCpu.reduce((a, b) => a + b, 0);
  return {
    // An open loop's pacer turns while it waits: its CPU time says nothing of a delivery.
    ...(meters.pacerIdle === undefined ? { [`fleetCpuPer${unit}`]: fleet / work } : {}),
    ...(meters.serverCpu === null ? {} : { [`serverCpuPer${unit}`]: meters.serverCpu / work }),
  };
}

/** What a protocol file's own code takes of the fleet's CPU, where it runs for each delivery or reply. */
export const parserMetric = ({ parserNs }: Pick<Protocol, "parserNs">): Record<string, number> =>
  parserNs === undefined ? {} : { parserPerUnit: parserNs };

const faultWords: Record<string, string> = {
  lost: "did not arrive",
  duplicated: "arrived more than once",
  reordered: "arrived out of order",
  corrupt: "arrived changed",
  unexpected: "arrived that nobody had sent",
  missing: "requests were not answered",
  wrong: "replies were wrong",
};

/** Kinds of fault that a protocol may allow: then they are told, and held against nobody. */
const allowed: Record<string, (promises: Promises) => boolean> = {
  lost: ({ mayLose }) => mayLose,
  missing: ({ mayLose }) => mayLose,
  duplicated: ({ mayDuplicate }) => mayDuplicate,
  reordered: ({ ordered }) => ordered === false,
};

const kindsOf = {
  Delivery: ["lost", "duplicated", "reordered", "corrupt", "unexpected"],
  Request: ["wrong", "missing", "duplicated", "reordered", "unexpected"],
} as const;

/** What is a fault of a room's deliveries, or of replies, by what the protocol promises. */
export const faultKinds = (unit: keyof typeof kindsOf, promises: Promises): string[] =>
  kindsOf[unit].filter((kind) => !allowed[kind]?.(promises));

/** What is wrong by the counts, one entry a kind of fault. */
export function faultsOf(counts: Record<string, number>, kinds: readonly string[]): Wrong[] {
  return kinds.flatMap((kind) =>
    counts[kind] > 0 ? [{ kind, count: counts[kind], words: faultWords[kind] ?? kind }] : [],
  );
}

/**
 * Connections that the server ended by itself, as a fault; `behind` of them it was free to end, since they were
 * farther behind than the protocol promises to wait.
 */
export function lostConnections(
  reports: readonly { connectionsLost: { count: number; reason: string } }[],
  behind = 0,
): Wrong[] {
  const count = total(reports, ({ connectionsLost }) => connectionsLost.count) - behind;
  const reason = reports.find((report) => report.connectionsLost.count > 0)?.connectionsLost.reason;
  return count > 0
    ? [{ kind: "connections lost", count, words: `connections ended in the middle: ${reason}` }]
    : [];
}

/** A fault of a request, as records have faults. */
export function requestWitness({
  kind,
  connection,
  request,
  expected,
  got,
}: SumWitness): Sample["witnesses"][number] {
  const said = [request, got].filter(Boolean).join(" → ");
  return {
    kind,
    receiver: connection,
    ...(request === undefined && got === undefined ? {} : { text: said }),
    ...(expected === undefined ? {} : { expected }),
  };
}
