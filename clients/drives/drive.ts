/**
 * A drive: a fleet's connections to one server, under load only while a slice lasts. Several servers can so be driven in
 * turn, on the same CPUs and within the same tenth of a second, with nothing of one under way while another is measured.
 */
import { cpuTime, now } from "../../platform/clock.ts";
import { serverProcesses } from "../../platform/meter.ts";
import { cpuWait } from "../../platform/proc.ts";
import { cpuBetween, readTree, type TreeReading, waitBetween } from "../../platform/tree-usage.ts";
import type { Histogram } from "../histogram.ts";

export type Drive = {
  /** Loads the server for so long, and waits until all that was asked of it has come. */
  slice: (milliseconds: number) => Promise<Slice>;
  /** Closed loop: how much each sender may have in flight so that it has all come within so many milliseconds. */
  depthFor: (slice: Pick<Slice, "done" | "elapsed">, milliseconds: number) => number;
  limit: (depth: number) => void;
  /** Whether the server has ended connections, or what it owes did not come: no further slice says anything. */
  broken: () => boolean;
  /** Closes the connections; resolves with what is to be said of all slices together. */
  finish: () => Promise<DriveEnd>;
};

/** Nanoseconds throughout. */
export type Slice = {
  /** From the first send until the last arrival. */
  elapsed: number;
  /** Verified deliveries, or replies, that were sent for in it. */
  done: number;
  serverCpu?: number;
  fleetCpu: number;
  /** Longest time for which the server's threads together, or this process, waited for a CPU. */
  serverWait?: number;
  fleetWait?: number;
  /** Open loop: by metric, `delivery.p50`. */
  latency?: Record<string, number>;
  /** Open loop: share of the asked rate at which was sent, and the longest lag of the pacer. */
  paced?: { achieved: number; lag: number };
};

export type DriveEnd = {
  counts: Record<string, number>;
  witnesses: unknown[];
  connectionsLost: { count: number; reason: string };
  /** Open loop: histograms over all slices, by the first part of the metric's name. */
  histograms: Record<string, Histogram>;
};

type SliceUse = Pick<Slice, "serverCpu" | "fleetCpu" | "serverWait" | "fleetWait">;

type Reading = { server: TreeReading; own: number; wait: number | undefined };

const read = (pids: readonly number[]): Reading => ({
  server: readTree(pids, serverProcesses),
  own: cpuTime(process.pid) ?? process.cpuUsage().user * 1000,
  wait: cpuWait(process.pid),
});

/** What server and fleet use in each slice. */
export function createSliceMeter(pids: readonly number[]) {
  let begun: Reading | undefined;
  return {
    begin(): void {
      begun = read(pids);
    },
    end(): SliceUse {
      const end = read(pids);
      const start = begun ?? end;
      const server = cpuBetween(start.server, end.server);
      const [fleetWait, serverWait] = [
        end.wait === undefined || start.wait === undefined ? undefined : end.wait - start.wait,
        waitBetween(start.server, end.server),
      ];
      return {
        fleetCpu: end.own - start.own,
        ...("cpu" in server ? { serverCpu: server.cpu } : {}),
        ...(fleetWait === undefined ? {} : { fleetWait }),
        ...(serverWait === undefined ? {} : { serverWait }),
      };
    },
  };
}

/** The exchange of a fleet that is the only one. */
export const alone = (progress: (done: { sent: number; delivered: number }) => void) => ({
  fleet: 0,
  fleets: 1,
  ready: async (introduction: { prefixes: Uint8Array[] }) => ({ at: now(), introductions: [introduction] }),
  progress,
  sent: async (sent: Int32Array) => [sent],
});
