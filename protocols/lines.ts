/**
 * Bytes to lines: a line ends with `\n`, wherever the reads happened to cut it. Nothing is decoded, so what
 * is relayed is byte for byte what came.
 */

export const NEWLINE = 10;
export const CARRIAGE_RETURN = 13;

/** A receiver of one line, without its `\n`, as a range of `bytes` that is only valid during the call. */
export type LineHandler = (bytes: Uint8Array, from: number, to: number) => void;

/** What of a line has come so far when a read ended inside it. */
export type LineBuffer = { partial: Uint8Array; length: number };

const EMPTY = new Uint8Array(0);

export function createLineBuffer(): LineBuffer {
  return { partial: EMPTY, length: 0 };
}

/**
 * Hands each whole line of `chunk` to `onLine` and keeps the rest. `limit` bounds a line in bytes, `\n` not
 * counted. Returns false as soon as a line is longer: the caller ends the connection, the rest is not read.
 */
export function splitLines(
  buffer: LineBuffer,
  chunk: Uint8Array,
  limit: number,
  onLine: LineHandler,
): boolean {
  let from = 0;
  while (from < chunk.length) {
    const end = chunk.indexOf(NEWLINE, from);
    const to = end < 0 ? chunk.length : end;
    if (buffer.length + to - from > limit) return false;
    if (end >= 0 && buffer.length === 0) onLine(chunk, from, to);
    else {
      keep(buffer, chunk, from, to);
      if (end >= 0) {
        const length = buffer.length;
        buffer.length = 0;
        onLine(buffer.partial, 0, length);
      }
    }
    from = to + 1;
  }
  return true;
}

function keep(buffer: LineBuffer, chunk: Uint8Array, from: number, to: number): void {
  const length = buffer.length + to - from;
  if (length > buffer.partial.length) {
    const grown = new Uint8Array(Math.max(256, length * 2));
    grown.set(buffer.partial.subarray(0, buffer.length));
    buffer.partial = grown;
  }
  buffer.partial.set(chunk.subarray(from, to), buffer.length);
  buffer.length = length;
}
