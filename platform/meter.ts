/**
 * One reading of all that a sample is judged by besides its own counts: time, CPU, stolen CPU, memory, kernel
 * drops. Two readings, at the start and the end of the measured time, give what was used in between.
 */
import { cpuTime, now, wallClockDistance } from "./clock.ts";
import { cpuTicks, cpuWait, memory, snmp } from "./proc.ts";

type Reading = {
  at: number;
  ownCpu: number;
  serverCpu: number | undefined;
  ownWait: number | undefined;
  serverWait: number | undefined;
  ticks: ReturnType<typeof cpuTicks>;
  udp: Record<string, number> | undefined;
  tcp: Record<string, number> | undefined;
  wallDistance: number;
};

/** What was used between two readings. Times in nanoseconds, shares from 0 to 1; undefined: cannot be read. */
export type Used = {
  elapsed: number;
  ownCpu: number;
  serverCpu: number | undefined;
  /** Time in which this process, and the server, could have run and had to wait for a CPU. */
  ownWait: number | undefined;
  serverWait: number | undefined;
  serverMemoryBytes: number | undefined;
  /** Share of the machine's CPU time that the hypervisor gave to others. */
  stolen: number | undefined;
  /** How far the wall clock moved against the monotonic one. */
  clockStep: number;
  /** Datagrams the whole machine dropped at full receive buffers. */
  udpBufferDrops: number | undefined;
  tcpRetransmits: number | undefined;
};

export function readMeter(serverPid: number | undefined): Reading {
  const { user, system } = process.cpuUsage();
  return {
    at: now(),
    ownCpu: cpuTime(process.pid) ?? (user + system) * 1000,
    serverCpu: serverPid === undefined ? undefined : cpuTime(serverPid),
    ownWait: cpuWait(process.pid),
    serverWait: serverPid === undefined ? undefined : cpuWait(serverPid),
    ticks: cpuTicks(),
    udp: snmp("Udp"),
    tcp: snmp("Tcp"),
    wallDistance: wallClockDistance(),
  };
}

const minus = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a - b;

export function usedBetween(start: Reading, end: Reading, serverPid: number | undefined): Used {
  const total = minus(end.ticks?.total, start.ticks?.total);
  const steal = minus(end.ticks?.steal, start.ticks?.steal);
  return {
    elapsed: end.at - start.at,
    ownCpu: end.ownCpu - start.ownCpu,
    serverCpu: minus(end.serverCpu, start.serverCpu),
    ownWait: minus(end.ownWait, start.ownWait),
    serverWait: minus(end.serverWait, start.serverWait),
    serverMemoryBytes: serverPid === undefined ? undefined : memory(serverPid)?.peak,
    stolen: total && steal !== undefined ? steal / total : undefined,
    clockStep: end.wallDistance - start.wallDistance,
    udpBufferDrops: minus(end.udp?.RcvbufErrors, start.udp?.RcvbufErrors),
    tcpRetransmits: minus(end.tcp?.RetransSegs, start.tcp?.RetransSegs),
  };
}
