/**
 * Reads a room's deliveries out of raw bytes and verifies every one of them: the hot path of a fleet.
 *
 * What another receiver has got before is compared with that (canonical.ts). Else there is a fast path: a message stands where the last one's prefix length says, is checked word by word, and entered;
 * no string and no object is made. Everything else (a split unit, another prefix length, a notice, a fault)
 * goes through the slow path, which may take its time.
 */
import type { Room } from "../protocols/protocol.ts";
import { HEADER_BYTES, hexWord, markTag, stamp, verifyMessage, writeMessage } from "../protocols/stamp.ts";
import { frameEnd, isControl } from "../protocols/websocket.ts";
import { type Canonical, createCanonical, createFollower, type Follower } from "./canonical.ts";
import type { BadUnit } from "./ledger.ts";
import { createPrefixes, isPrefix, learnPrefix, type Prefixes, setPrefixes } from "./prefixes.ts";

/** Bytes of a unit that has not come whole yet, for one receiver. */
export type Receiver = Follower & { carry: Uint8Array; carried: number };

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
  /** Whether each message is looked at by itself, also those that another receiver has got: to test one by the other. */
  alone?: boolean;
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
  return { ...createFollower(index), carry: new Uint8Array(0), carried: 0 };
}

export function createReader(options: ReaderOptions) {
  const { messageBytes, tag } = options;
  const isDatagram = options.wire.unit === "datagram";
  const reading = createReading(options);
  const { scratch, view, prefixes, suffix, tagWord, canonical } = reading;

  // The hot path is a closure over constants: taken from an object, they made 56 ns a delivery 63 (Bun 1.4.5).
  /** Whether a right message begins at `at`, its prefix being `length` bytes; its header is in `stamp`. */
  function isMessage(at: number, length: number, end: number): boolean {
    const start = at + length;
    const stop = start + messageBytes;
    const left = end - stop - suffix.length;
    return (
      // A datagram is one unit, whatever stands behind a message in it.
      (left === 0 || (left > 0 && !isDatagram)) &&
      view.getInt32(start, true) === tagWord &&
      verifyMessage(view, start, messageBytes, tag) &&
      isPrefix(prefixes, view, at, length, stamp.sender) &&
      suffixIsRight(stop)
    );
  }

  function suffixIsRight(at: number): boolean {
    for (let i = 0; i < suffix.length; i++) if (scratch[at + i] !== suffix[i]) return false;
    return true;
  }

  /** Puts what of one receiver's next unit has come into the buffer; returns where what comes now belongs. */
  function begin({ carry, carried }: Receiver): number {
    if (carried > 0) scratch.set(carry.subarray(0, carried));
    return carried;
  }

  /** Takes what has come for one receiver. */
  function read(receiver: Receiver, chunk: Uint8Array): void {
    const from = begin(receiver);
    scratch.set(chunk, from);
    readTo(receiver, from + chunk.length);
  }

  function readTo(receiver: Receiver, end: number): void {
    let at = 0;
    while (at < end) {
      const followed = canonical && receiver.resting === 0 ? canonical.follow(receiver, at, end) : at;
      if (followed > at) reading.guess = prefixes.lengths[stamp.sender];
      at = followed;
      if (at === end) break;
      if (isMessage(at, reading.guess, end)) {
        const stop = at + reading.guess + messageBytes + suffix.length;
        take(reading, receiver, at, stop);
        at = stop;
        continue;
      }
      const next = readSlowly(reading, isMessage, receiver, at, end);
      if (next < 0) break;
      at = next;
    }
    keep(reading, receiver, at, end);
  }

  return {
    read,
    /** What comes can be put here at once, from where `begin` says; `readTo` takes it up to its end. */
    buffer: scratch,
    begin,
    readTo,
    /** Tells what must stand before each sender's messages, by sender; until then no message is right. */
    expectPrefixes(list: Uint8Array[]): void {
      setPrefixes(prefixes, list);
      reading.guess = list[0]?.length ?? 0;
    },
    /** Takes what stands before each sender's first message for its prefix: where a client has no address. */
    learnPrefixes(): void {
      reading.learning = true;
    },
  };
}

/** What one reader knows; what has come is in `scratch` while it is read. */
type Reading = Readonly<ReaderOptions> & {
  readonly tagWord: number;
  readonly tagBytes: Uint8Array;
  readonly scratch: Uint8Array;
  readonly view: DataView;
  readonly suffix: Uint8Array;
  readonly prefixes: Prefixes;
  readonly canonical: Canonical | undefined;
  /** The length of the last prefix: the next one is likely to have it too. */
  guess: number;
  /** What stands before a sender's first message is taken for its prefix. */
  learning: boolean;
};

type IsMessage = (at: number, length: number, end: number) => boolean;

function createReading(options: ReaderOptions): Reading {
  const tagWord = hexWord(options.tag);
  const scratch = new Uint8Array(SCRATCH_BYTES);
  const view = new DataView(scratch.buffer);
  const suffix = options.wire.deliverySuffix;
  const { onMessage } = options;
  return {
    ...options,
    tagWord,
    tagBytes: Buffer.from(new Int32Array([tagWord]).buffer),
    scratch,
    view,
    suffix,
    canonical: options.alone
      ? undefined
      : createCanonical({
          scratch,
          view,
          suffixBytes: suffix.length,
          wholeReads: options.wire.unit === "datagram",
          onMessage,
        }),
    prefixes: createPrefixes(),
    guess: 0,
    learning: false,
  };
}

function keep({ scratch, onCorrupt }: Reading, receiver: Receiver, from: number, end: number): void {
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

/** Enters the message that `stamp` tells, which is `scratch[at, stop)`. */
function take({ onMessage, canonical }: Reading, receiver: Receiver, at: number, stop: number): void {
  onMessage(receiver.index, stamp.sender, stamp.sequence, stamp.time);
  canonical?.verified(receiver, at, stop, stamp);
}

/** One unit that is not a plain next message; returns where it ends, or -1 when it has not come whole. */
function readSlowly(
  reading: Reading,
  isMessage: IsMessage,
  receiver: Receiver,
  at: number,
  end: number,
): number {
  const stop = unitEnd(reading, at, end);
  if (stop < 0 || stop > end) return -1;
  if (isOfOtherLength(reading, isMessage, at, stop) || isFirst(reading, isMessage, at, stop))
    take(reading, receiver, at, stop);
  else if (isMark(reading, at, stop)) reading.onMark(receiver.index, stamp.sender, stamp.time);
  else classify(reading, receiver.index, at, stop);
  return stop;
}

/** Whether a right message ends at `stop`, whatever its prefix's length. */
function isOfOtherLength(reading: Reading, isMessage: IsMessage, at: number, stop: number): boolean {
  const length = stop - reading.suffix.length - reading.messageBytes - at;
  if (!reading.prefixes.differentLengths.includes(length) || !isMessage(at, length, stop)) return false;
  reading.guess = length;
  return true;
}

/** Whether the message that ends a unit is a sender's first: then its prefix is known from now on. */
function isFirst(reading: Reading, isMessage: IsMessage, at: number, stop: number): boolean {
  const { scratch, view, messageBytes, suffix, prefixes } = reading;
  const start = stop - suffix.length - messageBytes;
  if (!reading.learning || start < at || !verifyMessage(view, start, messageBytes, reading.tag)) return false;
  if (!learnPrefix(prefixes, stamp.sender, scratch.slice(at, start))) return false;
  reading.guess = prefixes.differentLengths[0];
  return isMessage(at, start - at, stop);
}

function isMark({ view, suffix, messageBytes, tag }: Reading, at: number, stop: number): boolean {
  const start = stop - suffix.length - messageBytes;
  return start >= at && verifyMessage(view, start, messageBytes, markTag(tag));
}

function unitEnd({ wire, scratch }: Reading, at: number, end: number): number {
  if (wire.unit === "datagram") return end;
  if (wire.unit === "frame") return frameEnd(scratch, at, end);
  const newline = scratch.subarray(at, end).indexOf(10);
  return newline < 0 ? -1 : at + newline + 1;
}

/** A greeting, a notice, or a fault: corrupt if it bears our tag or has our length, unexpected if not. */
function classify(reading: Reading, receiver: number, at: number, stop: number): void {
  const { wire, scratch } = reading;
  if (wire.unit === "frame" && isControl(scratch[at])) {
    reading.onControl?.(receiver, scratch.subarray(at, stop));
    return;
  }
  const text = textOf(scratch, at, stop);
  const greeting = wire.greeting?.exec(text);
  if (greeting) reading.onGreeting(receiver, Number(greeting[1]));
  if (greeting || wire.notice?.test(text)) return;
  const start = startOfMessage(reading, at, stop);
  if (start === undefined) reading.onUnexpected(receiver, { text });
  else reading.onCorrupt(receiver, { text, ...claimAt(reading, start) });
}

/** Where in a unit that is not right our message stands, or what is left of it; undefined: nothing is ours. */
function startOfMessage(reading: Reading, at: number, stop: number): number | undefined {
  const { scratch, tagBytes, messageBytes, suffix, prefixes } = reading;
  const tagged = Buffer.from(scratch.buffer, at, stop - at).indexOf(tagBytes);
  if (tagged >= 0) return at + tagged;
  const ourLength = prefixes.differentLengths.includes(stop - at - messageBytes - suffix.length);
  return ourLength && stop - at >= HEADER_BYTES ? stop - suffix.length - messageBytes : undefined;
}

/** Which message the header at `start` claims to be, and how that one should have come. */
function claimAt(
  { scratch, view, messageBytes, tag, prefixes, suffix }: Reading,
  start: number,
): Omit<BadUnit, "text"> {
  if (start + messageBytes > scratch.length) return {};
  verifyMessage(view, start, messageBytes, tag);
  const { sender, sequence, time } = stamp;
  if (sender >= prefixes.list.length) return {};
  const body = new Uint8Array(messageBytes);
  writeMessage(new DataView(body.buffer), 0, messageBytes, tag, sender, sequence, time);
  const unit = Buffer.concat([prefixes.list[sender], body, suffix]);
  return { sender, sequence, expected: textOf(unit, 0, unit.length) };
}

const textOf = (bytes: Uint8Array, from: number, to: number) =>
  Buffer.from(bytes.subarray(from, Math.min(to, from + SHOWN_BYTES))).toString("latin1");
