/**
 * How long CPUs were busy with processes between two readings of /proc/stat. Idle time is exact there (it is taken
 * where a CPU falls idle, in steps of 10 ms), user and system time are samples at ticks: so all that is not idle counts.
 */
import type { MachineTicks } from "./proc.ts";
import { NS_PER_JIFFY } from "./process-tree.ts";

/** Nanoseconds by CPU, of those wanted: neither idle, nor stolen, nor in an interrupt that no process is billed for. */
export function busyBetween(
  start: MachineTicks | undefined,
  end: MachineTicks | undefined,
  elapsed: number,
  wanted: Iterable<number>,
): Map<number, number> | undefined {
  if (!start || !end) return undefined;
  const busy = new Map<number, number>();
  for (const cpu of wanted) {
    const [before, now] = [start.cpus.get(cpu), end.cpus.get(cpu)];
    if (!before || !now) continue;
    const interrupts = end.irqApart ? now.irq - before.irq : 0;
    const rest = (now.idle - before.idle + now.steal - before.steal + interrupts) * NS_PER_JIFFY;
    busy.set(cpu, Math.max(0, elapsed - rest));
  }
  return busy;
}
