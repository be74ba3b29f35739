/**
 * A bounded queue of bytes that the kernel has not taken yet, one for each TCP connection.
 *
 * `socket.write` in Bun 1.4.5 is one `send` and queues nothing: it returns how many bytes were taken, which
 * may be fewer than given, and -1 once the socket is closed. What was not taken is kept here and sent on
 * `drain`; the counter `taken` moves only with the kernel, so that nothing queued is ever counted as sent.
 */

/** The part of Bun's socket that an outbox needs. */
export type ByteSink = { write(data: Uint8Array, offset: number, length: number): number };

export type Outbox = {
  /** Most bytes that may wait; a writer that would go past it is told so, and nothing is dropped silently. */
  readonly limit: number;
  /** Bytes that the kernel has taken since the outbox was made. */
  taken: number;
  buffer: Uint8Array;
  head: number;
  tail: number;
};

const EMPTY = new Uint8Array(0);

export function createOutbox(limit: number): Outbox {
  return { limit, taken: 0, buffer: EMPTY, head: 0, tail: 0 };
}

/** Bytes that wait. */
export function pending(outbox: Outbox): number {
  return outbox.tail - outbox.head;
}

/**
 * Writes `bytes[from, to)` behind what already waits. The bytes may be reused by the caller at once.
 * False when the limit would be passed (nothing of the rest is kept) or the socket is closed.
 */
export function send(
  outbox: Outbox,
  socket: ByteSink,
  bytes: Uint8Array,
  from = 0,
  to = bytes.length,
): boolean {
  let at = from;
  if (outbox.head === outbox.tail) {
    const taken = socket.write(bytes, from, to - from);
    if (taken < 0) return false;
    outbox.taken += taken;
    at += taken;
    if (at === to) return true;
  }
  if (pending(outbox) + to - at > outbox.limit) return false;
  append(outbox, bytes, at, to);
  return true;
}

/** Sends what waits, as far as the kernel takes it: for the socket's `drain`, which may come without cause. */
export function flush(outbox: Outbox, socket: ByteSink): void {
  if (outbox.head === outbox.tail) return;
  const taken = socket.write(outbox.buffer, outbox.head, outbox.tail - outbox.head);
  if (taken <= 0) return;
  outbox.taken += taken;
  outbox.head += taken;
  if (outbox.head === outbox.tail) {
    outbox.head = outbox.tail = 0;
    // A reader that was slow once need not hold its memory for ever.
    if (outbox.buffer.length > 65_536) outbox.buffer = EMPTY;
  }
}

function append(outbox: Outbox, bytes: Uint8Array, from: number, to: number): void {
  const waiting = pending(outbox);
  const needed = waiting + to - from;
  if (outbox.tail + to - from > outbox.buffer.length) {
    const room =
      needed <= outbox.buffer.length / 2 ? outbox.buffer : new Uint8Array(Math.max(4096, needed * 2));
    room.set(outbox.buffer.subarray(outbox.head, outbox.tail));
    outbox.buffer = room;
    outbox.head = 0;
    outbox.tail = waiting;
  }
  outbox.buffer.set(bytes.subarray(from, to), outbox.tail);
  outbox.tail += to - from;
}
