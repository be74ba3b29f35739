/** From one round of paired blocks to a sample of each server: its figures slice by slice, and over all of them. */
import { median } from "simple-statistics";
import type { Slice } from "../../clients/drives/drive.ts";
import type { BlockServer } from "../../clients/workloads/blocks.ts";
import type { Meters } from "./record.ts";

/** What a slice's work is counted in, as metrics name it. */
export type WorkUnit = "Delivery" | "Request";

/** Figures of the server by the names of metrics.ts; in an open loop the rate is none, and the fleet's CPU the pacer's. */
export function figuresOf({ elapsed, done, serverCpu, fleetCpu, latency, paced }: Slice, unit: WorkUnit) {
  return {
    ...(paced ? {} : { [unit === "Delivery" ? "deliveryRate" : "requestRate"]: (done / elapsed) * 1e9 }),
    ...(serverCpu === undefined ? {} : { [`serverCpuPer${unit}`]: serverCpu / done }),
    ...(paced ? {} : { [`fleetCpuPer${unit}`]: fleetCpu / done }),
    ...latency,
  } satisfies Record<string, number>;
}

/** Figures by their names, each with its value in every block. */
export function sliceFigures(slices: readonly Slice[], unit: WorkUnit): Record<string, number[]> {
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
export function achievedShare(slices: readonly Slice[]): number | undefined {
  const shares = slices.flatMap(({ paced }) => paced?.achieved ?? []);
  return shares.length > 0 ? median(shares) : undefined;
}

/** The middle of each figure's slices. */
export const middleFigures = (slices: Record<string, number[]>): Record<string, number> =>
  Object.fromEntries(Object.entries(slices).map(([name, values]) => [name, median(values)]));

const sum = (slices: readonly Slice[], value: (slice: Slice) => number) =>
  slices.reduce((all, slice) => all + value(slice), 0);

/** All slices of a round as one measured time. */
export function metersOf({ slices }: Pick<BlockServer, "slices">): Meters {
  const known = slices.every(({ serverCpu }) => serverCpu !== undefined);
  return {
    elapsed: sum(slices, ({ elapsed }) => elapsed),
    serverCpu: known && slices.length > 0 ? sum(slices, ({ serverCpu = 0 }) => serverCpu) : null,
    fleetCpu: [sum(slices, ({ fleetCpu }) => fleetCpu)],
    cpuWait: sum(slices, ({ serverWait = 0, fleetWait = 0 }) => Math.max(serverWait, fleetWait)),
    serverMemory: null,
    stolen: null,
    clockStep: 0,
    udpBufferDrops: null,
    tcpRetransmits: null,
  };
}
