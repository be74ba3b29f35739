/**
 * Bytes to JSON objects that follow one another without any separator, split or coalesced at any byte.
 *
 * Only the boundaries are found here (braces outside of strings); what stands inside is the protocol's
 * business. Bun's streaming JSONL parser does not serve: it wants a newline between values.
 */

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/** A receiver of one object as a range of `bytes` that is only valid during the call. */
export type ObjectHandler = (bytes: Uint8Array, from: number, to: number) => void;

export type ObjectSplitter = {
  /** Most bytes of one object. */
  readonly limit: number;
  kept: Uint8Array;
  length: number;
  depth: number;
  inString: boolean;
  escaped: boolean;
};

/** Why a stream cannot be read on. */
export type SplitFault = "too long" | "not an object";

export function createObjectSplitter(limit: number): ObjectSplitter {
  return { limit, kept: new Uint8Array(0), length: 0, depth: 0, inString: false, escaped: false };
}

const isSpace = (byte: number) => byte === 32 || (byte >= 9 && byte <= 13);

/** Hands each whole object to `onObject`, in order; returns a fault at the first byte that makes one. */
export function splitObjects(
  state: ObjectSplitter,
  chunk: Uint8Array,
  onObject: ObjectHandler,
): SplitFault | undefined {
  let from = 0;
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at];
    if (state.depth === 0) {
      from = at;
      if (isSpace(byte)) continue;
      if (byte !== OPEN) return "not an object";
    }
    step(state, byte);
    if (state.length + at + 1 - from > state.limit) return "too long";
    if (state.depth > 0) continue;
    if (state.length === 0) onObject(chunk, from, at + 1);
    else {
      keep(state, chunk, from, at + 1);
      const length = state.length;
      state.length = 0;
      onObject(state.kept, 0, length);
    }
  }
  if (state.depth > 0) keep(state, chunk, from, chunk.length);
  return undefined;
}

function step(state: ObjectSplitter, byte: number): void {
  if (state.inString) {
    if (state.escaped) state.escaped = false;
    else if (byte === BACKSLASH) state.escaped = true;
    else if (byte === QUOTE) state.inString = false;
  } else if (byte === QUOTE) state.inString = true;
  else if (byte === OPEN) state.depth++;
  else if (byte === CLOSE) state.depth--;
}

function keep(state: ObjectSplitter, chunk: Uint8Array, from: number, to: number): void {
  const length = state.length + to - from;
  if (length > state.kept.length) {
    const grown = new Uint8Array(Math.min(state.limit, Math.max(256, length * 2)));
    grown.set(state.kept.subarray(0, state.length));
    state.kept = grown;
  }
  state.kept.set(chunk.subarray(from, to), state.length);
  state.length = length;
}
