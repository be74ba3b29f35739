/**
 * Does things at the time at which they are due, to some microseconds: `setTimeout` alone is late by up to 1 ms and more
 * (Bun 1.4.5), so that the last stretch before each is a turning loop. It uses the CPU for that.
 */
import { now } from "../../platform/clock.ts";

/** Within so much of what is due next it turns instead of sleeping. */
const TURN_NS = 2e6;
/** A reader that falls behind is not waited for without end. */
const MAX_WAITING = 200_000;

/** Of so many it is kept how late they were, the last ones. */
const MAX_KEPT = 65_536;

/** By these names a server says at its end how late it was itself, beyond what it is meant to be. */
export const LATE = { 50: "microseconds late, p50", 90: "microseconds late, p90" };

/** @returns `later` takes nanoseconds of `now()`; what is due before what was asked for earlier comes right behind that */
export function createLater() {
  const late = new Float64Array(MAX_KEPT);
  let acts = 0;
  let waiting: { due: number; act: () => void }[] = [];
  let next = 0;
  let scheduled = false;

  function look(): void {
    scheduled = false;
    while (next < waiting.length && waiting[next].due <= now()) {
      const { due, act } = waiting[next++];
      late[acts++ % MAX_KEPT] = now() - due;
      act();
    }
    if (next === waiting.length) [waiting, next] = [[], 0];
    schedule();
  }

  function schedule(): void {
    if (scheduled || next === waiting.length) return;
    scheduled = true;
    const left = waiting[next].due - now();
    if (left > TURN_NS) setTimeout(look, (left - TURN_NS) / 1e6);
    else setImmediate(look);
  }

  function later(due: number, act: () => void): void {
    if (waiting.length - next >= MAX_WAITING)
      throw new Error(`more than ${MAX_WAITING} wait to be done later`);
    waiting.push({ due, act });
    schedule();
  }

  /** For the counters of a server. */
  function counters(): Record<string, number> {
    const kept = late.slice(0, Math.min(acts, MAX_KEPT)).sort();
    return Object.fromEntries(
      Object.entries(LATE).map(([p, name]) => [
        name,
        Math.round((kept[Math.floor((kept.length * Number(p)) / 100)] ?? 0) / 1000),
      ]),
    );
  }

  return { later, counters };
}
