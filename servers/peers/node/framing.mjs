// Messages out of a byte stream: lines, and JSON objects with no separator. A read is never taken for a message.

export const MAX_LINE = 65_536;

/** What ends a framing: `code` is "too long" or "not an object". */
export class FramingError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/**
 * The pieces of a message that is not whole yet. `head` is what the last reads left; `size` its length.
 * They are joined once, when the message is whole, so a message that trickles in costs no more than its length.
 */
class Partial {
  parts = [];
  size = 0;

  add(bytes) {
    this.parts.push(bytes);
    this.size += bytes.length;
  }

  take(last) {
    if (this.size === 0) return last;
    this.parts.push(last);
    const whole = Buffer.concat(this.parts);
    this.parts = [];
    this.size = 0;
    return whole;
  }
}

const LF = 0x0a;

/** Ends a message at "\n", which is not part of it. */
export class Lines {
  partial = new Partial();
  constructor(limit) {
    this.limit = limit;
  }

  /** Calls `each` with every line that is now whole, until it says false. Throws FramingError. */
  feed(chunk, each) {
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.check(end - start);
      if (each(this.partial.take(chunk.subarray(start, end))) === false) return;
      start = end + 1;
    }
    if (start < chunk.length) {
      this.check(chunk.length - start);
      this.partial.add(chunk.subarray(start));
    }
  }

  check(more) {
    if (this.partial.size + more > this.limit) throw new FramingError("too long");
  }

  /** Whether the stream stopped inside a message. */
  get cutShort() {
    return this.partial.size > 0;
  }
}

const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = Buffer.from('"\\{}[]');
const SPACE = new Set(Buffer.from(" \t\r\n"));

/**
 * Ends a message at the bracket that closes the object. It only finds the ends; whether what is inside is JSON the
 * caller's parser decides. White space between objects is skipped.
 */
export class Objects {
  partial = new Partial();
  depth = 0;
  inString = false;
  escaped = false;
  constructor(limit) {
    this.limit = limit;
  }

  feed(chunk, each) {
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (this.depth === 0) {
        if (SPACE.has(byte)) continue;
        if (byte !== OPEN) throw new FramingError("not an object");
        start = i;
      }
      if (this.partial.size + i - start >= this.limit) throw new FramingError("too long");
      if (!this.closes(byte)) continue;
      if (each(this.partial.take(chunk.subarray(start, i + 1))) === false) return;
    }
    if (this.depth > 0) this.partial.add(chunk.subarray(start));
  }

  closes(byte) {
    if (this.escaped) {
      this.escaped = false;
    } else if (this.inString) {
      this.escaped = byte === BACKSLASH;
      this.inString = byte !== QUOTE;
    } else if (byte === QUOTE) {
      this.inString = true;
    } else if (byte === OPEN || byte === OPEN_LIST) {
      this.depth++;
    } else if (byte === CLOSE || byte === CLOSE_LIST) {
      this.depth--;
      return this.depth === 0;
    }
    return false;
  }

  get cutShort() {
    return this.depth > 0;
  }
}
