/** Pinning processes to CPUs, so that the server and the fleets do not share one (sched_setaffinity(2)). */
import { ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { libc } from "./libc.ts";

const MASK_BYTES = 128; // 1,024 CPUs, the C library's own cpu_set_t

/** The CPUs that this process may run on, in order; empty when they cannot be read. */
export function allowedCpus(): number[] {
  const mask = new Uint8Array(MASK_BYTES);
  if (!libc || libc.sched_getaffinity(0, BigInt(MASK_BYTES), ptr(mask)) < 0) return [];
  return Array.from({ length: MASK_BYTES * 8 }, (_, cpu) => cpu).filter(
    (cpu) => mask[cpu >> 3] & (1 << (cpu & 7)),
  );
}

/** Pins every thread that the process has now (later ones inherit it). Tells whether all could be pinned. */
export function pin(pid: number, cpus: readonly number[]): boolean {
  const setAffinity = libc?.sched_setaffinity;
  if (!setAffinity || cpus.length === 0) return false;
  const mask = new Uint8Array(MASK_BYTES);
  for (const cpu of cpus) mask[cpu >> 3] |= 1 << (cpu & 7);
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.every((thread) => setAffinity(Number(thread), BigInt(MASK_BYTES), ptr(mask)) === 0);
  } catch {
    return false;
  }
}
