/**
 * The open loop: says what is due, and knows no protocol. Message k is due at `start + k * interval`,
 * whatever became of the ones before it; a stall therefore shows in every message that it delayed.
 *
 * Timers are too coarse (1 ms, Bun 1.4.5), so within reach of the next due time the loop turns by
 * `setImmediate`, which does not starve I/O and burns a core. How much of that turning was idle is measured,
 * so that a busy client can still be told from a waiting one.
 */
import { now } from "../platform/clock.ts";

export type Schedule = {
  /** CLOCK_MONOTONIC nanoseconds at which message 0 is due. */
  start: number;
  /** Nanoseconds between messages. */
  interval: number;
  /** How many messages. */
  count: number;
  /** Whether this pacer is the one to send message k. */
  mine: (k: number) => boolean;
  /** Sends message k, due at `intended`; false stops the pacer: the connection can take no more. */
  send: (k: number, intended: number) => boolean;
  /** Told of each message how late it was offered, in nanoseconds. */
  onLag: (nanoseconds: number) => void;
};

export type Pace = {
  /** Messages offered; fewer than asked when it was stopped. */
  offered: number;
  /** Messages a second that it was asked for, and that it reached: over the planned time, or longer if it took longer. */
  asked: number;
  achieved: number;
  /** Share of the time in which the loop turned with nothing to do, 0 to 1. */
  idle: number;
};

/** A turn that took longer than this did something else than turn: it is not idle time. */
const IDLE_TURN = 20_000;
/** Farther from the next due time than this, a timer waits instead (it may be 1 ms late). */
const TIMER_REACH = 3_000_000;

/** Runs the schedule to its end, or until `stopped` says so. */
export function pace(schedule: Schedule, stopped: () => boolean): Promise<Pace> {
  const { start, interval, count, mine, send, onLag } = schedule;
  return new Promise((resolve) => {
    let k = 0;
    let offered = 0;
    let lastAt = start;
    let idle = 0;
    let before = now();
    const begin = before;
    let waited = false;
    let own = 0;
    for (let i = 0; i < count; i++) if (mine(i)) own++;

    function finish(): void {
      const end = now();
      const share = offered / own;
      const late = Math.max(1, (lastAt - start) / Math.max(interval, (count - 1) * interval));
      const asked = own / ((count * interval) / 1e9);
      resolve({
        offered,
        asked,
        achieved: (asked * share) / late,
        idle: end > begin ? Math.min(1, idle / (end - begin)) : 0,
      });
    }

    function turn(): void {
      const at = now();
      if (waited && at - before < IDLE_TURN) idle += at - before;
      waited = false;
      for (; k < count; k++) {
        if (!mine(k)) continue;
        const intended = start + k * interval;
        if (intended > at) break;
        lastAt = now();
        onLag(Math.max(0, lastAt - intended));
        if (!send(k, intended)) {
          finish();
          return;
        }
        offered++;
      }
      if (k >= count || stopped()) {
        finish();
        return;
      }
      const wait = start + k * interval - now();
      if (wait > TIMER_REACH) {
        const asleep = now();
        setTimeout(
          () => {
            idle += Math.min(wait, now() - asleep);
            turn();
          },
          wait / 1e6 - 2,
        );
        return;
      }
      waited = true;
      before = now();
      setImmediate(turn);
    }

    turn();
  });
}
