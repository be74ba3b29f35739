/**
 * The closed loop: each sender keeps a window of outstanding messages, and a message that every receiver of
 * this fleet has got makes room for the next. Windows begin with one message (`nextDepth`), so that a slow server never
 * has much more to do than it has done already.
 *
 * A stream loses nothing while its connection stands, so its windows wait for as long as it takes. A datagram
 * that has not come after a while is given up, since a lost one would stop the loop for ever.
 */
import { now } from "../platform/clock.ts";

export type Windows = ReturnType<typeof createWindows>;

const LOOK_MS = 50;

export type WindowOptions = {
  /** Senders of this fleet, as numbered in the messages. */
  senders: readonly number[];
  /** Maximum messages outstanding for each; a power of two is not needed. */
  window: number;
  /** Local receivers that are to get each sender's messages. */
  receivers: number;
  /** Nanoseconds after which a message is given up that has not come everywhere (the ledger still waits for it). */
  giveUpAfter?: number;
  /** Sends the next `count` messages of a sender, of which the first has this sequence number. */
  send: (sender: number, sequence: number, count: number) => boolean;
};

/** A load that would take so long at the speed seen so far is not put in flight at once, nanoseconds. */
const MAX_AHEAD_NS = 1e9;

/**
 * How much to have in flight next, once all of `depth` has come in so many nanoseconds: all that is wanted where that
 * is soon done at this speed, else twice as much as before.
 */
export function nextDepth(depth: number, wanted: number, elapsed: number): number {
  return (elapsed / depth) * wanted < MAX_AHEAD_NS ? wanted : Math.min(wanted, depth * 2);
}

export function createWindows({ senders, window, receivers, giveUpAfter, send }: WindowOptions) {
  const rows = new Int32Array(Math.max(0, ...senders) + 1).fill(-1);
  senders.forEach((sender, row) => {
    rows[sender] = row;
  });
  const slots = senders.length * window;
  const outstanding = new Int32Array(slots).fill(-1);
  const remaining = new Int32Array(slots);
  const sentAt = new Float64Array(slots);
  const next = new Int32Array(senders.length);
  /** Messages that each sender may have in flight by now, since when, and how many all have. */
  let allowed = 1;
  let most = window;
  let since = now();
  let inFlight = 0;
  /** Rows with room that has not been used yet. */
  const dirty: number[] = [];
  const isDirty = new Uint8Array(senders.length);
  let scheduled = false;
  let stopped = false;
  let givenUp = 0;

  function credit(row: number, slot: number): void {
    outstanding[slot] = -1;
    inFlight--;
    if (isDirty[row] === 0) {
      isDirty[row] = 1;
      dirty.push(row);
    }
    if (scheduled || stopped) return;
    scheduled = true;
    // After the poll phase: all that this turn has made room for goes out by one write a sender.
    setImmediate(refillAll);
  }

  function refillAll(): void {
    scheduled = false;
    // All senders grow at once: how their messages fall together is part of the load.
    if (allowed < most) {
      if (inFlight > 0) return;
      const at = now();
      allowed = nextDepth(allowed, most, at - since);
      since = at;
    }
    for (const row of dirty.splice(0)) {
      isDirty[row] = 0;
      refill(row);
    }
  }

  /** The slots of a window are used in turn, so that only those up to the first taken one are free now. */
  function refill(row: number): void {
    if (stopped) return;
    const first = next[row];
    let count = 0;
    const at = now();
    while (count < allowed) {
      const slot = row * window + ((first + count) % window);
      if (outstanding[slot] >= 0) break;
      outstanding[slot] = first + count++;
      remaining[slot] = receivers;
      sentAt[slot] = at;
    }
    inFlight += count;
    if (count === 0) return;
    next[row] = first + count;
    if (!send(senders[row], first, count)) stopped = true;
  }

  function giveUpLate(limit: number): void {
    for (let slot = 0; slot < slots; slot++)
      if (outstanding[slot] >= 0 && sentAt[slot] < limit) {
        givenUp++;
        credit(Math.floor(slot / window), slot);
      }
  }

  let patrol: Timer | undefined;

  return {
    /** Begins, or goes on after a stop. */
    start(): void {
      stopped = false;
      since = now();
      if (giveUpAfter !== undefined) patrol = setInterval(() => giveUpLate(now() - giveUpAfter), LOOK_MS);
      for (let row = 0; row < senders.length; row++) refill(row);
    },
    /** Sends no more; what is in flight is still entered. */
    stop(): void {
      stopped = true;
      clearInterval(patrol);
    },
    /** From the next start on no sender has more than this in flight. */
    limit(depth: number): void {
      most = Math.max(1, Math.min(window, depth));
      allowed = Math.min(allowed, most);
    },
    /** A receiver of this fleet has got a message, or has been passed over by it. */
    arrived(sender: number, sequence: number): void {
      const row = sender < rows.length ? rows[sender] : -1;
      if (row < 0) return;
      const slot = row * window + (sequence % window);
      if (outstanding[slot] === sequence && --remaining[slot] === 0) credit(row, slot);
    },
    /** Messages sent so far, by row of `senders`. */
    sent: next,
    givenUp: () => givenUp,
  };
}
