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

/** The middle of each figure's slices. */
export const middleFigures = (slices: Record<string, number[]>): Record<string, number> =>
  Object.fromEntries(Object.entries(slices).map(([name, values]) => [name, median(values)]));

const sum = (slices: readonly Slice[], value: (slice: Slice) => number) =>
  slices.reduce((all, slice) => all + value(slice), 0);

/** All slices of a round as one measured time. */
export function metersOf({ slices, memory }: Pick<BlockServer, "slices" | "memory">): Meters {
  const known = slices.every(({ serverCpu }) => serverCpu !== undefined);
  return {
    elapsed: sum(slices, ({ elapsed }) => elapsed),
    serverCpu: known && slices.length > 0 ? sum(slices, ({ serverCpu = 0 }) => serverCpu) : null,
    fleetCpu: [sum(slices, ({ fleetCpu }) => fleetCpu)],
    cpuWait: sum(slices, ({ serverWait = 0, fleetWait = 0 }) => Math.max(serverWait, fleetWait)),
    serverMemory: memory ?? null,
    stolen: null,
    clockStep: 0,
    udpBufferDrops: null,
    tcpRetransmits: null,
  };
}
