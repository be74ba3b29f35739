/**
 * What a program of several processes uses. The kernel counts per process, and adds what a child used to the parent
 * that waits for it: only where no parent waits is it lost, and then the figure is unknown rather than wrong.
 */
import { cpuTime } from "./clock.ts";
import { ignoresSignal, memory, readProc } from "./proc.ts";
import { readProcess, threadsOf, withDescendants } from "./process-tree.ts";

/** One process at one time; nanoseconds. `reaped` is of a 10 ms grain, `cpu` is not. */
type Usage = { parent: number; cpu: number; reaped: number };

export type TreeReading = {
  processes: Map<number, Usage>;
  /** By thread: how long it ran, and how long it was runnable and waited for a CPU. */
  threads: Map<number, { ran: number; waited: number }>;
};

/**
 * Reads the processes and, by `grow`, all their descendants. Some ten microseconds per thread: for the beginning
 * and the end of a measured time, not in between.
 */
export function readTree(
  pids: readonly number[],
  grow: (pids: readonly number[]) => number[] = withDescendants,
): TreeReading {
  // The clocks first: they are what a figure is made of, and reading the rest takes time.
  const clocks = new Map(pids.map((pid) => [pid, cpuTime(pid)]));
  const processes = new Map<number, Usage>();
  const threads: TreeReading["threads"] = new Map();
  for (const pid of grow(pids)) {
    const cpu = clocks.get(pid) ?? cpuTime(pid);
    const process = readProcess(pid);
    if (cpu === undefined || !process) continue;
    processes.set(pid, { parent: process.parent, cpu, reaped: process.reaped });
    for (const thread of threadsOf(pid)) {
      // The first two figures of schedstat (kernel: scheduler/sched-stats.rst).
      const [ran, waited] = readProc(`/proc/${pid}/task/${thread}/schedstat`)?.split(" ").map(Number) ?? [];
      if (waited !== undefined) threads.set(thread, { ran, waited });
    }
  }
  return { processes, threads };
}

/** Utime and stime are cut to a jiffy each, at both readings. */
const REAPED_GRAIN_NS = 4e7;

export type CpuUsed = { cpu: number } | { unknown: string };

/** CPU time that a program used between two readings, in nanoseconds, short-lived children included. */
export function cpuBetween(start: TreeReading, end: TreeReading): CpuUsed {
  if (start.processes.size === 0) return { unknown: "its process cannot be seen from here" };
  let cpu = 0;
  for (const [pid, now] of end.processes) {
    const before = start.processes.get(pid);
    cpu += now.cpu + now.reaped - (before ? before.cpu + before.reaped : 0);
  }
  const inherited = takenOver(start, end);
  if (inherited === undefined)
    return {
      unknown: "a process of it ended that no other of them waited for: the kernel keeps no count of it",
    };
  cpu -= inherited;
  return cpu > 0
    ? { cpu }
    : { unknown: "the process that listens used no CPU at all: another one does the work" };
}

/**
 * What the processes that have exited since had used before: a parent that waited for them has it in its own count
 * now. Undefined where that cannot be.
 */
function takenOver(start: TreeReading, end: TreeReading): number | undefined {
  const owed = new Map<number, number>();
  const isGone = (pid: number) => start.processes.has(pid) && !end.processes.has(pid);
  for (const [pid, { parent, cpu, reaped }] of start.processes) {
    if (!isGone(pid)) continue;
    let heir = parent;
    while (isGone(heir)) heir = start.processes.get(heir)?.parent ?? 0;
    owed.set(heir, (owed.get(heir) ?? 0) + cpu + reaped);
  }
  let total = 0;
  for (const [heir, amount] of owed) {
    const [before, now] = [start.processes.get(heir), end.processes.get(heir)];
    const gained = before && now ? now.reaped - before.reaped : -1;
    if (gained < 0 || gained < amount - REAPED_GRAIN_NS) return undefined;
    total += Math.min(amount, gained);
  }
  const changed = owed.size > 0 || [...end.processes.keys()].some((pid) => !start.processes.has(pid));
  return changed && [...end.processes.keys()].some(ignoresItsChildren) ? undefined : total;
}

const SIGCHLD = 17;

/** With SIGCHLD ignored, children vanish uncounted (wait(2), notes). */
const ignoresItsChildren = (pid: number) => ignoresSignal(pid, SIGCHLD);

/** Nanoseconds for which the program's threads, together, had to wait for a CPU between two readings. */
export function waitBetween(start: TreeReading, end: TreeReading): number | undefined {
  if (end.threads.size === 0) return undefined;
  return threadsBetween(start, end).reduce((sum, { waited }) => sum + waited, 0);
}

/**
 * Nanoseconds for which a thread of the program waited for a CPU that others had: the longest of any, without what its
 * own other threads ran meanwhile, for which it may have waited. A garbage collector's threads are no fault of the machine.
 */
export function foreignWaitBetween(start: TreeReading, end: TreeReading): number | undefined {
  if (end.threads.size === 0) return undefined;
  const threads = threadsBetween(start, end);
  const all = threads.reduce((sum, { ran }) => sum + ran, 0);
  return Math.max(0, ...threads.map(({ ran, waited }) => waited - (all - ran)));
}

const threadsBetween = (start: TreeReading, end: TreeReading) =>
  [...end.threads].map(([thread, { ran, waited }]) => {
    const before = start.threads.get(thread);
    return { ran: ran - (before?.ran ?? 0), waited: waited - (before?.waited ?? 0) };
  });

/** Resident memory of processes, bytes: now, and with each at its highest; undefined when none can be read. */
export function treeMemory(pids: readonly number[]): { now: number; peak: number } | undefined {
  const each = pids.flatMap((pid) => memory(pid) ?? []);
  if (each.length === 0) return undefined;
  return {
    now: each.reduce((sum, { now }) => sum + now, 0),
    peak: each.reduce((sum, { peak }) => sum + peak, 0),
  };
}
