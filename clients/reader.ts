/**
 * Reads a room's deliveries out of raw bytes and verifies every one of them: the hot path of a fleet.
 *
 * Fast path: a message stands where the last one's prefix length says, is checked word by word, and entered;
 * no string and no object is made. Everything else (a split unit, another prefix length, a notice, a fault)
 * goes through the slow path, which may take its time.
 */
import type { Room } from "../protocols/protocol.ts";
import { HEADER_BYTES, hexWord, stamp, verifyMessage, writeMessage } from "../protocols/stamp.ts";
import { frameEnd } from "../protocols/websocket.ts";
import type { BadUnit } from "./ledger.ts";

/** Bytes of a unit that has not come whole yet, for one receiver. */
export type Receiver = { index: number; carry: Uint8Array; carried: number };

export type ReaderOptions = {
  wire: Room;
  /** Bytes of each message. */
  messageBytes: number;
  tag: number;
  /** A verified message. */
  onMessage: (receiver: number, sender: number, sequence: number, time: number) => void;
  /** A message beside those that are measured (`marks`): of the roll call, or the last one of its sender. */
  onMark: (receiver: number, sender: number, mark: number) => void;
  onGreeting: (receiver: number, id: number) => void;
  /** A WebSocket control frame, valid during the call. */
  onControl?: (receiver: number, frame: Uint8Array) => void;
  /** A unit that bears our tag, or has the length of ours, and is no right message; and one that nobody sent. */
  onCorrupt: (receiver: number, unit: BadUnit) => void;
  onUnexpected: (receiver: number, unit: BadUnit) => void;
};

/** The `time` of messages with `markTag`: everybody is there; and this was all that its sender had to say. */
export const marks = { rollCall: 0, end: 1 } as const;

/** A unit longer than this without an end is given up as corrupt. */
const MAX_UNIT_BYTES = 1_048_576;
/** A `data` event of Bun 1.4.5 holds at most 512 KiB. */
const SCRATCH_BYTES = MAX_UNIT_BYTES + 1_048_576;
/** Of a unit that is not right so much is told. */
const SHOWN_BYTES = 240;

export type Reader = ReturnType<typeof createReader>;

export function createReceiver(index: number): Receiver {
  return { index, carry: new Uint8Array(0), carried: 0 };
}

export const markTag = (tag: number): number => (tag + 1) & 0xffff;

export function createReader(options: ReaderOptions) {
  const { wire, messageBytes, tag, onMessage, onMark, onGreeting, onControl, onCorrupt, onUnexpected } =
    options;
  const tagWord = hexWord(tag);
  const tagBytes = Buffer.from(new Int32Array([tagWord]).buffer);
  const scratch = new Uint8Array(SCRATCH_BYTES);
  const view = new DataView(scratch.buffer);
  const suffix = wire.deliverySuffix;
  // Prefixes as words, one row a sender; `lastWord` overlaps, so that no byte is left for a byte loop.
  let prefixes: Uint8Array[] = [];
  let prefixWords = new Int32Array(0);
  let prefixLengths = new Int32Array(0);
  let wordsPerRow = 1;
  let lengths: number[] = [];
  let guess = 0;
  let learning = false;

  /** Tells what must stand before each sender's messages, by sender; until then every prefix is taken. */
  function expectPrefixes(list: Uint8Array[]): void {
    prefixes = list;
    wordsPerRow = Math.max(1, ...list.map((prefix) => (prefix.length >> 2) + 1));
    prefixWords = new Int32Array(list.length * wordsPerRow);
    prefixLengths = Int32Array.from(list, (prefix) => prefix.length);
    list.forEach((prefix, sender) => {
      const words = new DataView(prefix.buffer, prefix.byteOffset, prefix.length);
      const row = sender * wordsPerRow;
      for (let i = 0; i + 4 <= prefix.length; i += 4) prefixWords[row + (i >> 2)] = words.getInt32(i, true);
      if (prefix.length >= 4)
        prefixWords[row + (prefix.length >> 2)] = words.getInt32(prefix.length - 4, true);
    });
    lengths = [...new Set(prefixLengths)];
    guess = lengths[0] ?? 0;
  }

  /** Takes what stands before each sender's first message for its prefix: where a client has no address. */
  function learnPrefixes(): void {
    learning = true;
  }

  /** Whether the message that ends a unit is a sender's first: then its prefix is known from now on. */
  function learn(at: number, stop: number): boolean {
    const start = stop - suffix.length - messageBytes;
    if (!learning || start < at || !verifyMessage(view, start, messageBytes, tag)) return false;
    const { sender } = stamp;
    if (prefixes[sender]?.length > 0) return false;
    const list = Array.from(
      { length: Math.max(prefixes.length, sender + 1) },
      (_, i) => prefixes[i] ?? new Uint8Array(0),
    );
    list[sender] = scratch.slice(at, start);
    expectPrefixes(list);
    return isMessage(at, start - at, stop);
  }

  function prefixIsRight(at: number, length: number, sender: number): boolean {
    if (prefixLengths[sender] !== length) return false;
    if (length < 4) {
      for (let i = 0; i < length; i++) if (scratch[at + i] !== prefixes[sender][i]) return false;
      return true;
    }
    const row = sender * wordsPerRow;
    let difference = view.getInt32(at + length - 4, true) ^ prefixWords[row + (length >> 2)];
    for (let i = 0, word = row; i + 4 <= length; i += 4)
      difference |= view.getInt32(at + i, true) ^ prefixWords[word++];
    return difference === 0;
  }

  function suffixIsRight(at: number): boolean {
    for (let i = 0; i < suffix.length; i++) if (scratch[at + i] !== suffix[i]) return false;
    return true;
  }

  /** Whether a right message begins at `at`, its prefix being `length` bytes; its header is in `stamp`. */
  function isMessage(at: number, length: number, end: number): boolean {
    const start = at + length;
    const stop = start + messageBytes;
    return (
      stop + suffix.length <= end &&
      view.getInt32(start, true) === tagWord &&
      verifyMessage(view, start, messageBytes, tag) &&
      prefixIsRight(at, length, stamp.sender) &&
      suffixIsRight(stop)
    );
  }

  /** Takes what has come for one receiver. */
  function read(receiver: Receiver, chunk: Uint8Array): void {
    const { carried } = receiver;
    if (carried > 0) scratch.set(receiver.carry.subarray(0, carried));
    scratch.set(chunk, carried);
    const end = carried + chunk.length;
    let at = 0;
    while (at < end) {
      if (isMessage(at, guess, end)) {
        onMessage(receiver.index, stamp.sender, stamp.sequence, stamp.time);
        at += guess + messageBytes + suffix.length;
        continue;
      }
      const next = readSlowly(receiver.index, at, end);
      if (next < 0) break;
      at = next;
    }
    keep(receiver, at, end);
  }

  function keep(receiver: Receiver, from: number, end: number): void {
    const rest = end - from;
    if (rest > MAX_UNIT_BYTES) {
      onCorrupt(receiver.index, { text: `${rest} bytes without an end` });
      receiver.carried = 0;
      return;
    }
    if (rest > receiver.carry.length) receiver.carry = new Uint8Array(Math.max(256, rest * 2));
    receiver.carry.set(scratch.subarray(from, end));
    receiver.carried = rest;
  }

  /** One unit that is not a plain next message; returns where it ends, or -1 when it has not come whole. */
  function readSlowly(receiver: number, at: number, end: number): number {
    const stop = unitEnd(at, end);
    if (stop < 0 || stop > end) return -1;
    for (const length of lengths)
      if (at + length + messageBytes + suffix.length === stop && isMessage(at, length, stop)) {
        guess = length;
        onMessage(receiver, stamp.sender, stamp.sequence, stamp.time);
        return stop;
      }
    if (learn(at, stop)) {
      onMessage(receiver, stamp.sender, stamp.sequence, stamp.time);
      return stop;
    }
    if (!isMark(at, stop)) classify(receiver, at, stop);
    else onMark(receiver, stamp.sender, stamp.time);
    return stop;
  }

  function isMark(at: number, stop: number): boolean {
    const start = stop - suffix.length - messageBytes;
    return start >= at && verifyMessage(view, start, messageBytes, markTag(tag));
  }

  function unitEnd(at: number, end: number): number {
    if (wire.unit === "datagram") return end;
    if (wire.unit === "frame") return frameEnd(scratch, at, end);
    const newline = scratch.subarray(at, end).indexOf(10);
    return newline < 0 ? -1 : at + newline + 1;
  }

  /** A greeting, a notice, or a fault: corrupt if it bears our tag or has our length, unexpected if not. */
  function classify(receiver: number, at: number, stop: number): void {
    if (isControlFrame(at)) {
      onControl?.(receiver, scratch.subarray(at, stop));
      return;
    }
    const text = textOf(scratch, at, stop);
    const greeting = wire.greeting?.exec(text);
    if (greeting) onGreeting(receiver, Number(greeting[1]));
    if (greeting || wire.notice?.test(text)) return;
    const start = startOfMessage(at, stop);
    if (start === undefined) onUnexpected(receiver, { text });
    else onCorrupt(receiver, { text, ...claimAt(start) });
  }

  /** Where in a unit that is not right our message stands, or what is left of it; undefined: nothing is ours. */
  function startOfMessage(at: number, stop: number): number | undefined {
    const tagged = Buffer.from(scratch.buffer, at, stop - at).indexOf(tagBytes);
    if (tagged >= 0) return at + tagged;
    const ourLength = lengths.includes(stop - at - messageBytes - suffix.length);
    return ourLength && stop - at >= HEADER_BYTES ? stop - suffix.length - messageBytes : undefined;
  }

  /** Which message the header at `start` claims to be, and how that one should have come. */
  function claimAt(start: number): Omit<BadUnit, "text"> {
    if (start + messageBytes > scratch.length) return {};
    verifyMessage(view, start, messageBytes, tag);
    const { sender, sequence, time } = stamp;
    if (sender >= prefixes.length) return {};
    const body = new Uint8Array(messageBytes);
    writeMessage(new DataView(body.buffer), 0, messageBytes, tag, sender, sequence, time);
    const unit = Buffer.concat([prefixes[sender], body, suffix]);
    return { sender, sequence, expected: textOf(unit, 0, unit.length) };
  }

  const textOf = (bytes: Uint8Array, from: number, to: number) =>
    Buffer.from(bytes.subarray(from, Math.min(to, from + SHOWN_BYTES))).toString("latin1");

  const isControlFrame = (at: number) => wire.unit === "frame" && (scratch[at] & 0x08) !== 0;

  return { read, expectPrefixes, learnPrefixes };
}
