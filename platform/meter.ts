/**
 * One reading of all that a sample is judged by besides its own counts: time, CPU, stolen CPU, memory, kernel
 * drops. Two readings, at the start and the end of the measured time, give what was used in between.
 */
import { affinityOf } from "./affinity.ts";
import { busyBetween } from "./busy.ts";
import { cpuTime, now, wallClockDistance } from "./clock.ts";
import { cpuTicks, cpuWait, type MachineTicks, snmp } from "./proc.ts";
import { withDescendants } from "./process-tree.ts";
import { cpuBetween, readTree, type TreeReading, treeMemory, waitBetween } from "./tree-usage.ts";

type Reading = {
  at: number;
  ownCpu: number;
  server: TreeReading;
  parentCpu: number | undefined;
  ownWait: number | undefined;
  ticks: MachineTicks | undefined;
  udp: Record<string, number> | undefined;
  tcp: Record<string, number> | undefined;
  wallDistance: number;
};

/** What was used between two readings. Times in nanoseconds, shares from 0 to 1; undefined: cannot be read. */
export type Used = {
  elapsed: number;
  ownCpu: number;
  /** Of all the server's processes; where it is not known, why. */
  serverCpu: number | undefined;
  serverCpuUnknown?: string;
  /** Of the process that started this one: the bench. */
  parentCpu: number | undefined;
  /** Time in which this process, and the threads of the server together, could have run and had to wait for a CPU. */
  ownWait: number | undefined;
  serverWait: number | undefined;
  /** Resident memory of the server's processes, each at its highest. */
  serverMemoryBytes: number | undefined;
  /** CPUs that this process, and the server, may run on; none where that is not known. */
  ownCpus: number[];
  serverCpus: number[];
  /** By CPU, of those two: how long it was neither idle nor stolen, in steps of 10 ms. */
  busy: Map<number, number> | undefined;
  /** Share of the host's CPU time that the hypervisor stole. */
  stolen: number | undefined;
  /** How far the wall clock moved against the monotonic one. */
  clockStep: number;
  /** Datagrams the whole machine dropped at full receive buffers. */
  udpBufferDrops: number | undefined;
  tcpRetransmits: number | undefined;
};

/** The bench, which started this fleet, and what it started: no part of a server, though it may be the server's child. */
const notServer = [process.ppid];

/** The server's processes now. */
export const serverProcesses = (server: readonly number[]): number[] => withDescendants(server, notServer);

/** Resident memory of all of them, bytes: now, and with each at its highest. What they share is counted in each. */
export const serverMemory = (server: readonly number[]) => treeMemory(serverProcesses(server));

/** `server`: the processes from which the server's others descend; none when they are not known. */
export function readMeter(server: readonly number[]): Reading {
  const { user, system } = process.cpuUsage();
  return {
    at: now(),
    ownCpu: cpuTime(process.pid) ?? (user + system) * 1000,
    parentCpu: cpuTime(process.ppid),
    server: readTree(server, serverProcesses),
    ownWait: cpuWait(process.pid),
    ticks: cpuTicks(),
    udp: snmp("Udp"),
    tcp: snmp("Tcp"),
    wallDistance: wallClockDistance(),
  };
}

const minus = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a - b;

export function usedBetween(start: Reading, end: Reading, server: readonly number[]): Used {
  const elapsed = end.at - start.at;
  const total = minus(end.ticks?.total, start.ticks?.total);
  const steal = minus(end.ticks?.steal, start.ticks?.steal);
  const used = cpuBetween(start.server, end.server);
  const ownCpus = affinityOf(0);
  const serverCpus = [...new Set([...end.server.processes.keys()].flatMap(affinityOf))];
  return {
    elapsed,
    ownCpu: end.ownCpu - start.ownCpu,
    serverCpu: "cpu" in used ? used.cpu : undefined,
    ...("unknown" in used ? { serverCpuUnknown: used.unknown } : {}),
    // A server in the bench's own process, as in a test, is counted once.
    parentCpu: server.includes(process.ppid) ? 0 : minus(end.parentCpu, start.parentCpu),
    ownWait: minus(end.ownWait, start.ownWait),
    serverWait: waitBetween(start.server, end.server),
    serverMemoryBytes: serverMemory(server)?.peak,
    ownCpus,
    serverCpus,
    busy: busyBetween(start.ticks, end.ticks, elapsed, new Set([...ownCpus, ...serverCpus])),
    stolen: total && steal !== undefined ? steal / total : undefined,
    clockStep: end.wallDistance - start.wallDistance,
    udpBufferDrops: minus(end.udp?.RcvbufErrors, start.udp?.RcvbufErrors),
    tcpRetransmits: minus(end.tcp?.RetransSegs, start.tcp?.RetransSegs),
  };
}
