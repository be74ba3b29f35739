/**
 * One clock for all processes: CLOCK_MONOTONIC in nanoseconds.
 *
 * `Bun.nanoseconds()` is cheap but starts at 0 in each process and Worker (Bun 1.4.5), so each process
 * measures its distance to CLOCK_MONOTONIC once and adds it from then on. Also here: the CPU clock of
 * any process, which counts its ended threads too and has no 10 ms grain, as /proc/<pid>/stat has.
 */
import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const timespec = new BigInt64Array(2);

function readClock(id: number): number | undefined {
  if (libc?.clock_gettime(id, ptr(timespec)) !== 0) return undefined;
  return Number(timespec[0]) * 1e9 + Number(timespec[1]);
}

/** The distance is taken from the tightest of several bracketed readings: a preempted one is wide. */
function distance(id: number): { offset: number; uncertainty: number } | undefined {
  let best: { offset: number; uncertainty: number } | undefined;
  for (let i = 0; i < 64; i++) {
    const before = Bun.nanoseconds();
    const there = readClock(id);
    const after = Bun.nanoseconds();
    if (there === undefined) return undefined;
    const uncertainty = (after - before) / 2;
    if (!best || uncertainty < best.uncertainty)
      best = { offset: Math.round(there - (before + after) / 2), uncertainty };
  }
  return best;
}

// Elsewhere the wall clock stands in: still one clock for all processes, but a step moves it.
const measured = distance(CLOCK_MONOTONIC) ?? {
  offset: Date.now() * 1e6 - Bun.nanoseconds(),
  uncertainty: 5e5,
};

/** Nanoseconds by which a reading of `now` in two processes may differ (half the bracket, measured once). */
export const clockUncertainty = measured.uncertainty;

let offset = measured.offset;

/** CLOCK_MONOTONIC now, in nanoseconds: comparable between the processes of one machine. */
export function now(): number {
  return Bun.nanoseconds() + offset;
}

/**
 * From now on `now` is the clock of a run over several machines: CLOCK_MONOTONIC of this one, and so many nanoseconds
 * more. Fleets go by it; 0 is this machine's own.
 */
export function setRunClock(ahead: number): void {
  offset = measured.offset + ahead;
}

/**
 * How far the wall clock runs from the monotonic one, in nanoseconds: a change of it between two readings
 * is a clock step. The tightest of several bracketed readings, since a preempted one looks like a step.
 */
export function wallClockDistance(): number {
  const wall = distance(CLOCK_REALTIME);
  return wall ? wall.offset - measured.offset : Date.now() * 1e6 - now();
}

/** CPU time that a process has used in all its threads, in nanoseconds; undefined when it cannot be read. */
export function cpuTime(pid: number): number | undefined {
  // A process's CPU clock id is made from its pid: clock_getcpuclockid(3), CPUCLOCK_SCHED = 2.
  return readClock((~pid << 3) | 2);
}
