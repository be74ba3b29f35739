/** The measured time of a workload: its beginning, its middle and its end, and what was done and used in between. */
import { now } from "../platform/clock.ts";
import { readMeter, type Used, usedBetween } from "../platform/meter.ts";

/** Seconds, and whose CPU and memory are measured, with all that descends from them. */
type MeasuredPlan = { warmup: number; duration: number; serverPids: readonly number[] };

export type MeasuredTime = { used: Used; done: number; firstHalf: number };

/** Between go and the beginning of the warm-up, so that every fleet has heard go. */
export const START_DELAY_NS = 20e6;
const LOOK_MS = 100;

/** Sleeps until a time of the monotonic clock, nanoseconds, or until it is `over` before, looking every so often. */
async function sleepUntil(at: number, over: () => boolean, lookMs: number): Promise<void> {
  while (now() < at && !over()) await Bun.sleep(Math.max(1, Math.min(lookMs, (at - now()) / 1e6)));
}

/**
 * Reads the meters when the warm-up that begins at `start` ends, and when the measured time does.
 * @param fleet of all fleets only the first looks at the server
 */
export async function measureTime(
  plan: MeasuredPlan,
  fleet: number,
  start: number,
  work: {
    /** How much has been done so far. */
    done: () => number;
    onBegin?: () => void;
    onMiddle?: () => void;
    onEnd?: () => void;
    /** Whether there is nothing more to measure. */
    over: () => boolean;
    /** How often that is asked, milliseconds. */
    lookMs?: number;
  },
): Promise<MeasuredTime> {
  const pids = fleet === 0 ? plan.serverPids : [];
  const at = (seconds: number) =>
    sleepUntil(start + (plan.warmup + seconds) * 1e9, work.over, work.lookMs ?? LOOK_MS);
  await at(0);
  const [meter, before] = [readMeter(pids), work.done()];
  work.onBegin?.();
  await at(plan.duration / 2);
  const middle = work.done();
  work.onMiddle?.();
  await at(plan.duration);
  work.onEnd?.();
  return {
    used: usedBetween(meter, readMeter(pids), pids),
    done: work.done() - before,
    firstHalf: middle - before,
  };
}

const POLL_MS = 5;

/** Waits for what is under way as long as some of it comes: until `done`, or silence, or the bound (nanoseconds). */
export async function awaitArrivals(waiting: {
  done: () => boolean;
  lastArrival: () => number;
  /** A silence that ends it. */
  quiet: () => number;
  atMost: number;
  pollMs?: number;
}): Promise<void> {
  const begin = now();
  while (!waiting.done()) {
    const silent = now() - Math.max(begin, waiting.lastArrival());
    if (silent > waiting.quiet() || now() - begin > waiting.atMost) return;
    await Bun.sleep(waiting.pollMs ?? POLL_MS);
  }
}
