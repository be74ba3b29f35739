/**
 * The broadcast behind every chat room: bounded queues, one write a recipient a tick, eviction of the slow.
 *
 * All that is said in one turn of the event loop is gathered in one batch, each message encoded once, and
 * each recipient gets the batch by one `write`. What is not for a recipient is cut out of its copy. One whose
 * queue overflows is evicted and nobody waits for it. What the bytes mean is the business of the room.
 *
 * What the kernel does not take of a batch is kept once for all whom it is for: some thousand who do not read cost
 * the room little more than one.
 */
import {
  type ByteSink,
  createStore,
  flush,
  hold,
  keep,
  type Outbox,
  pending,
  relieve,
  type Segment,
} from "../platform/outbox.ts";

/** A batch that has grown to this is written at once, so that a flood cannot make it grow without bound. */
export const BATCH_BYTES = 262_144;
const FEW_BYTES = 16;

export type Recipient = {
  readonly socket: ByteSink;
  /** It keeps its bytes in the broadcast's `store`. */
  readonly outbox: Outbox;
  /** From where in this tick's batch it takes part, and the ranges that are not for it. */
  batchFrom: number;
  skips: number[];
};

/** `segment.bytes[at, …)` are the bytes of the batch from `from` to `to`. */
type Kept = { readonly segment: Segment; readonly at: number; readonly from: number; readonly to: number };

export type Broadcast<R extends Recipient> = ReturnType<typeof createBroadcast<R>>;

/**
 * A broadcast to those who have joined. Each message is written by `begin`, then as many `put` as it has parts.
 * @param queueBytes most bytes that may wait for one recipient. An outbox with a larger limit has room for the batch
 *   that went past it: such a recipient is evicted with its stream whole, between two messages
 * @param roomBytes most bytes that are kept for all together; past it those who are furthest behind are cut
 * @param evict is told of each whose queue was too full, or whose socket is closed, once it has been taken out
 */
export function createBroadcast<R extends Recipient>(
  queueBytes: number,
  roomBytes: number,
  evict: (recipient: R) => void,
) {
  const recipients = new Set<R>();
  const store = createStore(roomBytes);
  const batch = new Uint8Array(BATCH_BYTES);
  const scratch = new Uint8Array(BATCH_BYTES);
  let length = 0;
  /** What of the batch has been kept: from its beginning, without gaps. */
  let kept: Kept[] = [];
  let scheduled = false;

  /** Makes room in the batch for a message of `bytes`, at most BATCH_BYTES, and returns where it begins. */
  function begin(bytes: number): number {
    if (length + bytes > BATCH_BYTES) flushBatch();
    if (!scheduled) {
      scheduled = true;
      // After the poll phase: every socket that was readable in this turn has been read by then.
      setImmediate(() => {
        scheduled = false;
        flushBatch();
      });
    }
    return length;
  }

  function put(bytes: Uint8Array, from = 0, to = bytes.length): void {
    // A view and a call cost more than a few bytes one by one: headers, ends of lines.
    if (to - from <= FEW_BYTES) for (let at = from, end = length; at < to; ) batch[end++] = bytes[at++];
    else batch.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), length);
    length += to - from;
  }

  /** What was put since `from` is not for this one. */
  function skip({ skips }: R, from: number): void {
    // Messages of one author often stand together: one range then.
    if (skips.length > 0 && skips[skips.length - 1] === from) skips[skips.length - 1] = length;
    else skips.push(from, length);
  }

  function flushBatch(): void {
    const end = length;
    length = 0;
    const slow: R[] = [];
    for (const recipient of recipients) {
      if (!shareUpTo(recipient, end)) slow.push(recipient);
      recipient.batchFrom = 0;
    }
    kept = [];
    // Only now: what is said of one who goes begins the next batch, and this one must have reached everybody.
    for (const recipient of slow) recipients.delete(recipient);
    for (const recipient of slow) evict(recipient);
    relieve(store);
  }

  /** Gives one its part of the batch up to `end`; false when its queue cannot hold it, or its socket is closed. */
  function shareUpTo(recipient: R, end: number): boolean {
    const { outbox, socket, batchFrom, skips } = recipient;
    if (end <= batchFrom) return true;
    recipient.batchFrom = end;
    if (skips.length > 0) recipient.skips = [];
    // Its reader may have been quick and only this turn slow: the kernel is asked again before that counts.
    if (pending(outbox) + end - batchFrom > queueBytes) flush(outbox, socket);
    if (pending(outbox) > 0) return wait(outbox, skips, batchFrom, end, 0);
    const whole = skips.length === 0;
    const bytes = whole ? end - batchFrom : copyWithout(skips, batchFrom, end);
    const taken = whole ? socket.write(batch, batchFrom, bytes) : bytes && socket.write(scratch, 0, bytes);
    if (taken < 0) return false;
    outbox.taken += taken;
    return taken === bytes || wait(outbox, skips, batchFrom, end, taken);
  }

  /** Copies the batch without the skipped ranges into `scratch`; returns how many bytes are there. */
  function copyWithout(skips: number[], from: number, end: number): number {
    let copied = 0;
    forEachRange(skips, from, end, (at, stop) => {
      scratch.set(batch.subarray(at, stop), copied);
      copied += stop - at;
    });
    return copied;
  }

  /** Lets the batch without the skipped ranges wait, but for its first `taken` bytes; false when it is too much. */
  function wait(outbox: Outbox, skips: number[], from: number, end: number, taken: number): boolean {
    let bytes = -taken;
    forEachRange(skips, from, end, (at, stop) => {
      bytes += stop - at;
    });
    if (pending(outbox) + bytes > outbox.limit) return false;
    keepUpTo(end);
    let passed = taken;
    forEachRange(skips, from, end, (at, stop) => {
      const start = Math.min(at + passed, stop);
      passed -= start - at;
      for (const { segment, ...part } of kept) {
        const [first, last] = [Math.max(start, part.from), Math.min(stop, part.to)];
        if (first < last) hold(outbox, segment, part.at + first - part.from, part.at + last - part.from);
      }
    });
    return pending(outbox) <= queueBytes;
  }

  /** One copy for all who wait; one who leaves within a tick can ask for it before the batch is whole. */
  function keepUpTo(to: number): void {
    const from = kept.at(-1)?.to ?? 0;
    if (from >= to) return;
    const segment = keep(store, batch, from, to);
    kept.push({ segment, at: segment.used - (to - from), from, to });
  }

  /** From now on this one gets what is said. */
  function join(recipient: R): void {
    recipient.batchFrom = length;
    recipients.add(recipient);
  }

  return {
    /** Where the recipients' outboxes keep their bytes. */
    store,
    join,
    /** It gets nothing more; what was said until now only if it has been shared. */
    leave: (recipient: R) => void recipients.delete(recipient),
    begin,
    put,
    skip,
    /** Gives one at once what was said until now; false as for the whole batch. */
    share: (recipient: R) => shareUpTo(recipient, length),
  };
}

/** Calls `use` for each range between `from` and `end` that is not skipped. */
function forEachRange(
  skips: number[],
  from: number,
  end: number,
  use: (from: number, to: number) => void,
): void {
  let at = from;
  for (let i = 0; i <= skips.length; i += 2) {
    const stop = i < skips.length ? skips[i] : end;
    if (stop > at) use(at, stop);
    if (i < skips.length) at = Math.max(at, skips[i + 1]);
  }
}
