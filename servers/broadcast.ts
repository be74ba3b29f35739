/**
 * The broadcast behind every chat room: bounded queues, one write a recipient a tick, eviction of the slow.
 *
 * All that is said in one turn of the event loop is gathered in one batch, each message encoded once, and
 * each recipient gets the batch by one `write`. What is not for a recipient is cut out of its copy. One whose
 * queue overflows is evicted and nobody waits for it. What the bytes mean is the business of the room.
 */
import { type ByteSink, type Outbox, pending, send } from "../platform/outbox.ts";

/** A batch that has grown to this is written at once, so that a flood cannot make it grow without bound. */
export const BATCH_BYTES = 262_144;
const FEW_BYTES = 16;

export type Recipient = {
  readonly socket: ByteSink;
  readonly outbox: Outbox;
  /** From where in this tick's batch it takes part, and the ranges that are not for it. */
  batchFrom: number;
  skips: number[];
};

export type Broadcast<R extends Recipient> = ReturnType<typeof createBroadcast<R>>;

/**
 * A broadcast to those who have joined. Each message is written by `begin`, then as many `put` as it has parts.
 * @param queueBytes most bytes that may wait for one recipient. An outbox with a larger limit has room for the batch
 *   that went past it: such a recipient is evicted with its stream whole, between two messages
 * @param evict is told of each whose queue was too full, or whose socket is closed, once it has been taken out
 */
export function createBroadcast<R extends Recipient>(queueBytes: number, evict: (recipient: R) => void) {
  const recipients = new Set<R>();
  let batch = new Uint8Array(BATCH_BYTES);
  let scratch = new Uint8Array(BATCH_BYTES);
  let length = 0;
  let scheduled = false;

  /** Makes room in the batch for a message of `bytes`, and returns where it begins. */
  function begin(bytes: number): number {
    if (length > 0 && length + bytes > BATCH_BYTES) flushBatch();
    if (length + bytes > batch.length) {
      const grown = new Uint8Array((length + bytes) * 2);
      grown.set(batch.subarray(0, length));
      batch = grown;
      scratch = new Uint8Array(grown.length);
    }
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
    // Only now: what is said of one who goes begins the next batch, and this one must have reached everybody.
    for (const recipient of slow) recipients.delete(recipient);
    for (const recipient of slow) evict(recipient);
  }

  /** Gives one its part of the batch up to `end`; false when its queue cannot hold it, or its socket is closed. */
  function shareUpTo(recipient: R, end: number): boolean {
    const { outbox, socket, batchFrom, skips } = recipient;
    if (end <= batchFrom) return true;
    recipient.batchFrom = end;
    if (skips.length === 0)
      return send(outbox, socket, batch, batchFrom, end) && pending(outbox) <= queueBytes;
    recipient.skips = [];
    const copied = copyWithout(skips, batchFrom, end);
    return copied === 0 || (send(outbox, socket, scratch, 0, copied) && pending(outbox) <= queueBytes);
  }

  /** Copies the batch without the skipped ranges into `scratch`; returns how many bytes are there. */
  function copyWithout(skips: number[], from: number, end: number): number {
    let at = from;
    let copied = 0;
    for (let i = 0; i <= skips.length; i += 2) {
      const stop = i < skips.length ? skips[i] : end;
      if (stop > at) {
        scratch.set(batch.subarray(at, stop), copied);
        copied += stop - at;
      }
      if (i < skips.length) at = Math.max(at, skips[i + 1]);
    }
    return copied;
  }

  /** From now on this one gets what is said. */
  function join(recipient: R): void {
    recipient.batchFrom = length;
    recipients.add(recipient);
  }

  return {
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
