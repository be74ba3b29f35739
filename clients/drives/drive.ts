/**
 * A drive: a fleet's connections to one server, under load only while a slice lasts. Several servers can so be driven in
 * turn, on the same CPUs and within the same tenth of a second, with nothing of one under way while another is measured.
 */
import { cpuTime, now } from "../../platform/clock.ts";
import { serverProcesses } from "../../platform/meter.ts";
import { asleep, cpuWait } from "../../platform/proc.ts";
import { cpuBetween, foreignWaitBetween, readTree, type TreeReading } from "../../platform/tree-usage.ts";
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
  /** Time for which a thread of the server, or this process, waited for a CPU that others had. */
  serverWait?: number;
  fleetWait?: number;
  /** Where they are measured: by the first part of the metric's name. They stay in the fleet, and are added up there. */
  latencies?: Record<string, Histogram>;
  /** Open loop: share of the asked rate at which was sent, and the longest lag of the pacer. */
  paced?: { achieved: number; lag: number };
};

export type DriveEnd = {
  counts: Record<string, number>;
  witnesses: unknown[];
  connectionsLost: { count: number; reason: string };
  /** What the server's processes used between slices, when it was to be idle; where that is known. */
  idle?: Idle;
};

/** Nanoseconds: of CPU time, and of the clock. */
export type Idle = { cpu: number; elapsed: number };

type SliceUse = Pick<Slice, "serverCpu" | "fleetCpu" | "serverWait" | "fleetWait">;

type Reading = { at: number; server: TreeReading; own: number; wait: number | undefined };

const read = (pids: readonly number[]): Reading => ({
  at: now(),
  server: readTree(pids, serverProcesses),
  own: cpuTime(process.pid) ?? process.cpuUsage().user * 1000,
  wait: cpuWait(process.pid),
});

/** What server and fleet use in each slice. */
export function createSliceMeter(pids: readonly number[]) {
  let begun: Reading | undefined;
  let ended: Reading | undefined;
  let idle: Idle | undefined;
  return {
    begin(): void {
      begun = read(pids);
      // From the end of one slice to the beginning of the next others are driven: that takes no reading of its own.
      if (ended) idle = plus(idle, ended, begun);
    },
    /** What the server used while it was not driven. */
    idle: (): { idle?: Idle } => (idle ? { idle } : {}),
    end(): SliceUse {
      const end = read(pids);
      ended = end;
      const start = begun ?? end;
      const server = cpuBetween(start.server, end.server);
      const [fleetWait, serverWait] = [
        end.wait === undefined || start.wait === undefined ? undefined : end.wait - start.wait,
        foreignWaitBetween(start.server, end.server),
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

/**
 * Waits until the server has nothing more to do, for so many milliseconds at most. What it still does when all has arrived
 * (it writes a log, frees memory) is its own slice's cost, and would else be taken from the server that is driven next.
 */
export async function untilAsleep(processes: readonly number[], atMostMs: number): Promise<void> {
  const end = now() + atMostMs * 1e6;
  while (now() < end && processes.some((pid) => asleep(pid) === false)) await Bun.sleep(1);
}

/** Undefined where no process of the server can be seen. */
function plus(idle: Idle | undefined, from: Reading, to: Reading): Idle | undefined {
  if (to.server.processes.size === 0) return idle;
  const cpu = [...to.server.processes].reduce(
    (sum, [pid, { cpu }]) => sum + cpu - (from.server.processes.get(pid)?.cpu ?? 0),
    0,
  );
  return { cpu: (idle?.cpu ?? 0) + cpu, elapsed: (idle?.elapsed ?? 0) + to.at - from.at };
}

/** The exchange of a fleet that is the only one. */
export const alone = (progress: (done: { sent: number; delivered: number }) => void) => ({
  fleet: 0,
  fleets: 1,
  ready: async (introduction: { prefixes: Uint8Array[] }) => ({ at: now(), introductions: [introduction] }),
  progress,
  sent: async (sent: Int32Array) => [sent],
});
