/**
 * Does things at the time at which they are due, to some microseconds: `setTimeout` alone is late by up to 1 ms and more
 * (Bun 1.4.5), so that the last stretch before each is a turning loop. It uses the CPU for that.
 */
import { now } from "../../platform/clock.ts";

/** Within so much of what is due next it turns instead of sleeping. */
const TURN_NS = 2e6;
/** A reader that falls behind is not waited for without end. */
const MAX_WAITING = 200_000;

/** Nanoseconds of `now()`; what is due earlier than what was asked for before comes right behind that. */
export type Later = (due: number, act: () => void) => void;

export function createLater(): Later {
  let waiting: { due: number; act: () => void }[] = [];
  let next = 0;
  let scheduled = false;

  function look(): void {
    scheduled = false;
    while (next < waiting.length && waiting[next].due <= now()) waiting[next++].act();
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

  return (due, act) => {
    if (waiting.length - next >= MAX_WAITING)
      throw new Error(`more than ${MAX_WAITING} wait to be done later`);
    waiting.push({ due, act });
    schedule();
  };
}
