/**
 * The room's stream, verified once: what one receiver's reader has found right is kept for a while, and the bytes of
 * every other receiver are compared with it, many messages by one native call. Equal bytes are the same messages. Where
 * they differ (another order, its own messages left out, a notice, a fault) the reader decides, message by message, and
 * the receiver goes on behind the message that the reader has found.
 *
 * Nothing is believed unread: each byte of each receiver is compared with bytes that were verified, or verified itself.
 */
import { stamp } from "../protocols/stamp.ts";

/** What is kept at most; past it the older half is dropped. Several times what a closed loop has under way. */
const KEPT_BYTES = 1_048_576;
const KEPT_UNITS = 16_384;
/** Places are found by sender and sequence number, where no later message has taken the entry. */
const PLACES = 65_536;
/** A native call costs about as much as verifying two small messages (Bun 1.4.5: 75 ns). */
const WORTH_COMPARING_BYTES = 192;
/**
 * A receiver with an order or headers of its own gains nothing here: after so many misses it is left to the reader for a
 * while, and for twice as long each time that nothing has been found in between.
 */
const MISSES = 32;
const REST_BYTES = { first: 65_536, most: 4_194_304 };

/** Where a receiver stands in the stream. */
export type Follower = {
  index: number;
  /** The number of the unit that it is likely to get next. */
  place: number;
  /** Units compared at once: half as many after a comparison that failed, so that bad units cost linear time too. */
  atOnce: number;
  /** How often in a row something else had come; after some it is left to the reader for so many bytes. */
  misses: number;
  resting: number;
  nextRest: number;
};

export const createFollower = (index: number): Follower => ({
  index,
  place: 0,
  atOnce: KEPT_UNITS,
  misses: 0,
  resting: 0,
  nextRest: REST_BYTES.first,
});

export type Canonical = ReturnType<typeof createCanonical>;

type Header = Readonly<typeof stamp>;

export type CanonicalOptions = {
  /** Where the reader has what came. */
  scratch: Uint8Array;
  view: DataView;
  /** The word that begins so many bytes before a unit's end tells messages apart; no unit has fewer. */
  guardBytes: number;
  /** Whether a read is one unit, as a datagram is. */
  wholeReads?: boolean;
  onMessage: (receiver: number, sender: number, sequence: number, time: number) => void;
};

export function createCanonical(options: CanonicalOptions) {
  const { scratch, view, guardBytes, wholeReads = false, onMessage } = options;
  const kept = new Uint8Array(KEPT_BYTES);
  const keptView = new DataView(kept.buffer);
  const received = Buffer.from(scratch.buffer, scratch.byteOffset, scratch.length);
  /** Unit i of those kept is `kept[starts[i], starts[i + 1])`; it is number `dropped + i` of all. */
  const starts = new Int32Array(KEPT_UNITS + 1);
  const senders = new Uint16Array(KEPT_UNITS);
  const sequences = new Uint32Array(KEPT_UNITS);
  const times = new Float64Array(KEPT_UNITS);
  /** Numbers of units, modulo 2^32. */
  const places = new Uint32Array(PLACES);
  let count = 0;
  let dropped = 0;

  const placeOf = (sender: number, sequence: number) =>
    (Math.imul(sender, 0x9e3779b1) + sequence) & (PLACES - 1);

  /** Which of those kept a message is, or -1. */
  function find(sender: number, sequence: number): number {
    const unit = (places[placeOf(sender, sequence)] - dropped) >>> 0;
    return unit < count && sequences[unit] === sequence && senders[unit] === sender ? unit : -1;
  }

  /** The first unit from `unit` on whose guard word differs from what stands `shift` bytes on, or ends past `end`. */
  function firstUnlike(unit: number, most: number, shift: number, end: number): number {
    const stop = Math.min(count, unit + most);
    let next = unit;
    while (next < stop) {
      const guard = starts[next + 1] - guardBytes;
      if (starts[next + 1] + shift > end) break;
      if (view.getInt32(guard + shift, true) !== keptView.getInt32(guard, true)) break;
      next++;
    }
    return next;
  }

  /** Takes the units at `at` that are those which the receiver is likely to get next; returns where they end. */
  function follow(receiver: Follower, at: number, end: number): number {
    for (let from = at; ; ) {
      const unit = receiver.place - dropped;
      if (unit < 0 || unit >= count) return from;
      const begin = starts[unit];
      const next = firstUnlike(unit, receiver.atOnce, from - begin, end);
      const bytes = starts[next] - begin;
      // Where a whole unit has come that is another one.
      if (next === unit && from + starts[unit + 1] - begin <= end) miss(receiver);
      if (bytes < WORTH_COMPARING_BYTES || (wholeReads && from + bytes !== end)) return from;
      if (received.compare(kept, begin, begin + bytes, from, from + bytes) !== 0) {
        receiver.atOnce = (next - unit) >> 1;
        continue;
      }
      for (let i = unit; i < next; i++) onMessage(receiver.index, senders[i], sequences[i], times[i]);
      // As the reader leaves it: the message that was looked at last.
      stamp.sender = senders[next - 1];
      stamp.sequence = sequences[next - 1];
      stamp.time = times[next - 1];
      receiver.place = dropped + next;
      receiver.misses = 0;
      receiver.nextRest = REST_BYTES.first;
      from += bytes;
      trust(receiver);
    }
  }

  function trust(receiver: Follower): void {
    receiver.atOnce = Math.min(KEPT_UNITS, 2 * receiver.atOnce + 1);
  }

  function miss(receiver: Follower): void {
    if (++receiver.misses < MISSES) return;
    receiver.misses = 0;
    receiver.resting = receiver.nextRest;
    receiver.nextRest = Math.min(REST_BYTES.most, 2 * receiver.nextRest);
  }

  /** Drops the older half, in place. */
  function dropHalf(): void {
    const half = (count + 1) >> 1;
    const bytes = starts[half];
    kept.copyWithin(0, bytes, starts[count]);
    for (let i = half; i <= count; i++) starts[i - half] = starts[i] - bytes;
    senders.copyWithin(0, half, count);
    sequences.copyWithin(0, half, count);
    times.copyWithin(0, half, count);
    count -= half;
    dropped += half;
  }

  return {
    follow,
    /** The reader has found this message right at `scratch[at, stop)`: the receiver stands behind it from now on. */
    verified(receiver: Follower, at: number, stop: number, { sender, sequence, time }: Header): void {
      trust(receiver);
      const unit = find(sender, sequence);
      if (unit >= 0) {
        receiver.place = dropped + unit + 1;
        return;
      }
      if (stop - at > KEPT_BYTES) return;
      while (count === KEPT_UNITS || starts[count] + stop - at > KEPT_BYTES) dropHalf();
      kept.set(scratch.subarray(at, stop), starts[count]);
      senders[count] = sender;
      sequences[count] = sequence;
      times[count] = time;
      places[placeOf(sender, sequence)] = dropped + count;
      starts[++count] = starts[count - 1] + stop - at;
      receiver.place = dropped + count;
    },
  };
}
