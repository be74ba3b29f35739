/**
 * Received bytes that wait until there are enough of them: appended at the end, taken from the front. Each byte is
 * copied a bounded number of times, however small the pieces that a peer sends.
 */

export type ByteQueue = { buffer: Buffer; head: number; tail: number };

const EMPTY = Buffer.alloc(0);
const LEAST_BYTES = 1024;

export const createByteQueue = (): ByteQueue => ({ buffer: EMPTY, head: 0, tail: 0 });

export const queuedBytes = ({ head, tail }: ByteQueue): number => tail - head;

/** All queued bytes. What was viewed or taken before stays valid: its memory is never written again. */
export const viewQueued = ({ buffer, head, tail }: ByteQueue): Buffer => buffer.subarray(head, tail);

/** Appends these bytes. Into an empty queue they are not copied, so the caller must not change them. */
export function append(queue: ByteQueue, bytes: Uint8Array): void {
  const waiting = queuedBytes(queue);
  if (waiting === 0) {
    queue.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    queue.head = 0;
    queue.tail = bytes.length;
    return;
  }
  const needed = waiting + bytes.length;
  if (queue.tail + bytes.length > queue.buffer.length) {
    const grown = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, needed * 2));
    grown.set(viewQueued(queue));
    queue.buffer = grown;
    queue.head = 0;
    queue.tail = waiting;
  }
  queue.buffer.set(bytes, queue.tail);
  queue.tail += bytes.length;
}

/** Takes so many bytes from the front, or all of them. */
export function takeQueued(queue: ByteQueue, bytes: number): Buffer {
  const to = Math.min(queue.tail, queue.head + bytes);
  const taken = queue.buffer.subarray(queue.head, to);
  queue.head = to;
  if (to === queue.tail) clearQueue(queue);
  return taken;
}

export function clearQueue(queue: ByteQueue): void {
  queue.buffer = EMPTY;
  queue.head = 0;
  queue.tail = 0;
}
