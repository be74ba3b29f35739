/**
 * Bytes that have come and wait until there are enough of them: appended behind, taken off the front. Each byte is
 * copied a bounded number of times, however small the pieces in which a peer sends them.
 */

export type ByteQueue = { buffer: Buffer; head: number; tail: number };

const EMPTY = Buffer.alloc(0);
const LEAST_BYTES = 1024;

export const createByteQueue = (): ByteQueue => ({ buffer: EMPTY, head: 0, tail: 0 });

export const queuedBytes = ({ head, tail }: ByteQueue): number => tail - head;

/** All that waits. What was viewed or taken before stays as it is: its memory is never written again. */
export const viewQueued = ({ buffer, head, tail }: ByteQueue): Buffer => buffer.subarray(head, tail);

/** Puts these bytes behind the others; alone they are not copied, so whoever gave them must leave them alone. */
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

/** Takes so many bytes off the front, or all that there are. */
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
