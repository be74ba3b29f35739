/** From one round of paired blocks to a sample of each server: its figures slice by slice, and over all of them. */
import { median } from "simple-statistics";
import { decodeHistogram } from "../../clients/histogram.ts";
import type { BlockServer, ToldSlice } from "../../clients/workloads/blocks.ts";
import type { Meters, Sample } from "./record.ts";

/** What a slice's work is counted in, as metrics name it. */
export type WorkUnit = "Delivery" | "Request";

/** Figures of the server by the names of metrics.ts; in an open loop the rate is none, and the fleet's CPU the pacer's. */
export function figuresOf({ elapsed, done, serverCpu, fleetCpu, latency, paced }: ToldSlice, unit: WorkUnit) {
  return {
    ...(paced ? {} : { [unit === "Delivery" ? "deliveryRate" : "requestRate"]: (done / elapsed) * 1e9 }),
    ...(serverCpu === undefined ? {} : { [`serverCpuPer${unit}`]: serverCpu / done }),
    ...(paced ? {} : { [`fleetCpuPer${unit}`]: fleetCpu / done }),
    ...latency,
  } satisfies Record<string, number>;
}

/** Figures by their names, each with its value in every block. */
export function sliceFigures(slices: readonly ToldSlice[], unit: WorkUnit): Record<string, number[]> {
  const each = slices.map((slice) => figuresOf(slice, unit) as Record<string, number>);
  const names = Object.keys(each[0] ?? {}).filter((name) => each.every((figures) => name in figures));
  return Object.fromEntries(names.map((name) => [name, each.map((figures) => figures[name])]));
}

/** The logarithm of the second side's ratio to the first, of each block in which both are above 0. */
export const blockRatios = (first: readonly number[], second: readonly number[]): number[] =>
  first.flatMap((value, block) => (value > 0 && second[block] > 0 ? [Math.log(second[block] / value)] : []));

/** A round's figure: the median of the log ratios of its blocks; undefined where most blocks have none. */
export function roundFigure(first: readonly number[], second: readonly number[]): number | undefined {
  const ratios = blockRatios(first, second);
  return ratios.length > 0 && ratios.length * 2 > first.length ? median(ratios) : undefined;
}

/** Open loop: the share of the asked rate at which was sent, in the middle slice. */
export function achievedShare(slices: readonly ToldSlice[]): number | undefined {
  const shares = slices.flatMap(({ paced }) => paced?.achieved ?? []);
  return shares.length > 0 ? median(shares) : undefined;
}

/** The middle of each figure's slices. */
export const middleFigures = (slices: Record<string, number[]>): Record<string, number> =>
  Object.fromEntries(Object.entries(slices).map(([name, values]) => [name, median(values)]));

/** Of a latency: where not even one lies beyond its p99, there is none. */
const LEAST_VALUES = 100;
const TAIL = 99;
/** Behind the name of a tail: over all slices, whatever the machine did in them. */
export const WITH_PAUSES = "WithPauses";

/**
 * Tails are of all slices of a round together: `delivery.p99` of the blocks in which the machine was least in the way,
 * and `delivery.p99WithPauses` of every one. Most slices have none of a round's worst messages, so that their median
 * would not see a tail in one message of fifty.
 */
export function tailFigures({ histograms, calmest }: Pick<BlockServer, "histograms" | "calmest">) {
  const tails = (of: Record<string, string>, behind: string) =>
    TAILS.flatMap((name): [string, number][] => {
      const histogram = of[name] === undefined ? undefined : decodeHistogram(of[name]);
      if (!histogram || histogram.totalCount < LEAST_VALUES) return [];
      return [[`${name}.p${TAIL}${behind}`, histogram.getValueAtPercentile(TAIL)]];
    });
  return Object.fromEntries([...tails(calmest, ""), ...tails(histograms, WITH_PAUSES)]);
}

const TAILS = ["delivery", "last", "roundTrip"];

/** One round's log ratio of a figure: block by block where its slices have it, else of the round's own figures. */
export const ratioOfRound = (first: Sample, second: Sample, key: string): number | undefined =>
  roundFigure(first.slices?.[key] ?? [first.metrics[key]], second.slices?.[key] ?? [second.metrics[key]]);

const shareOf = (idle: BlockServer["idle"]): number | null =>
  idle && idle.elapsed > 0 ? Math.max(0, idle.cpu / idle.elapsed) : null;

const sum = (slices: readonly ToldSlice[], value: (slice: ToldSlice) => number) =>
  slices.reduce((all, slice) => all + value(slice), 0);

/** All slices of a round as one measured time. */
export function metersOf(servers: readonly BlockServer[], which: number): Meters {
  const { slices, idle } = servers[which];
  const others = servers.filter((_, i) => i !== which).map(({ idle }) => shareOf(idle));
  const known = slices.every(({ serverCpu }) => serverCpu !== undefined);
  return {
    elapsed: sum(slices, ({ elapsed }) => elapsed),
    serverCpu: known && slices.length > 0 ? sum(slices, ({ serverCpu = 0 }) => serverCpu) : null,
    fleetCpu: [sum(slices, ({ fleetCpu }) => fleetCpu)],
    cpuWait: sum(slices, ({ serverWait = 0, fleetWait = 0 }) => Math.max(serverWait, fleetWait)),
    idle: shareOf(idle),
    othersIdle: others.reduce((sum, share) => (sum === null || share === null ? null : sum + share), 0),
    serverMemory: null,
    stolen: null,
    clockStep: 0,
    udpBufferDrops: null,
    tcpRetransmits: null,
  };
}
