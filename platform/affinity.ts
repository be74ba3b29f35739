/** Pinning processes to CPUs, so that the server and the fleets do not share one (sched_setaffinity(2)). */
import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";
import { threadsOf, withDescendants } from "./process-tree.ts";

const MASK_BYTES = 128; // 1,024 CPUs, the C library's own cpu_set_t

/** The CPUs that a process or thread may run on, 0 for this one, in order; empty when they cannot be read. */
export function affinityOf(pid: number): number[] {
  const mask = new Uint8Array(MASK_BYTES);
  if (!libc || libc.sched_getaffinity(pid, BigInt(MASK_BYTES), ptr(mask)) < 0) return [];
  return Array.from({ length: MASK_BYTES * 8 }, (_, cpu) => cpu).filter(
    (cpu) => mask[cpu >> 3] & (1 << (cpu & 7)),
  );
}

/** The CPUs that this process may run on. */
export const allowedCpus = (): number[] => affinityOf(0);

function setAffinity(thread: number, cpus: readonly number[]): boolean {
  const mask = new Uint8Array(MASK_BYTES);
  for (const cpu of cpus) mask[cpu >> 3] |= 1 << (cpu & 7);
  return libc?.sched_setaffinity(thread, BigInt(MASK_BYTES), ptr(mask)) === 0;
}

/** Pins every thread that the process has now (later ones inherit it). Tells whether all could be pinned. */
export function pin(pid: number, cpus: readonly number[]): boolean {
  const threads = cpus.length === 0 ? [] : threadsOf(pid);
  return threads.length > 0 && threads.every((thread) => setAffinity(thread, cpus));
}

/**
 * What `start` starts has these CPUs from its first instruction on: a child inherits them from the thread that
 * started it, so that a runtime that sizes itself by its CPUs (GOMAXPROCS, a worker pool) sees the ones it has.
 */
export function startedOn<T>(cpus: readonly number[] | undefined, start: () => T): T {
  const before = cpus && affinityOf(0);
  if (!before || !setAffinity(0, cpus)) return start();
  try {
    return start();
  } finally {
    setAffinity(0, before);
  }
}

/** New threads may start while the others are pinned: they inherit the affinity of the thread that started them. */
const ROUNDS = 5;

/**
 * Pins every thread of the processes; returns a function that restores their CPUs, or undefined where this process
 * may not pin them (sched_setaffinity(2), EPERM).
 */
export function pinAll(pids: readonly number[], cpus: readonly number[]): (() => void) | undefined {
  const before = new Map<number, number[]>();
  const isPinned = (thread: number) => affinityOf(thread).join() === cpus.join();
  for (let round = 0; round < ROUNDS; round++) {
    const strays = pids.flatMap(threadsOf).filter((thread) => !isPinned(thread));
    if (strays.length === 0) break;
    for (const thread of strays) {
      const had = affinityOf(thread);
      // A thread that has ended meanwhile has no CPUs.
      if (had.length === 0) continue;
      if (!setAffinity(thread, cpus) && affinityOf(thread).length > 0) return undefined;
      before.set(thread, had);
    }
  }
  return () => unpinAll(pids, isPinned, before);
}

/** Threads that started while all were pinned get what the first of their process, or of the program, had. */
function unpinAll(
  pids: readonly number[],
  isPinned: (thread: number) => boolean,
  before: ReadonlyMap<number, number[]>,
): void {
  const [first] = before.values();
  if (!first) return;
  for (let round = 0; round < ROUNDS; round++) {
    const pinned = withDescendants(pids).flatMap((pid) =>
      threadsOf(pid).flatMap((thread) => (isPinned(thread) ? [{ thread, pid }] : [])),
    );
    if (pinned.length === 0) return;
    for (const { thread, pid } of pinned) setAffinity(thread, before.get(thread) ?? before.get(pid) ?? first);
  }
}
