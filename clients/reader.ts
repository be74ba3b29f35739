/**
 * Reads a room's deliveries out of raw bytes and verifies every one of them: the hot path of a fleet.
 *
 * What another receiver has got before is compared with that (canonical.ts). Else there is a fast path: a message
 * stands where the last one's prefix length says, is checked word by word, and entered; no string and no object is
 * made. Everything else (a split unit, another prefix length, a header that varies, a notice, a fault) goes through the
 * slow path, which may take its time.
 */
import { payloadOf } from "../protocols/define.ts";
import { FramingFault, ignore } from "../protocols/framing.ts";
import type { Room } from "../protocols/protocol.ts";
import { HEADER_BYTES, hexWord, markTag, stamp, verifyMessage, writeMessage } from "../protocols/stamp.ts";
import { type Canonical, createCanonical, createFollower, type Follower } from "./canonical.ts";
import type { BadUnit } from "./ledger.ts";
import { createPrefixes, isPrefix, learnPrefix, type Prefixes, setPrefixes } from "./prefixes.ts";

/** Bytes of a unit that has not come whole yet, for one receiver. */
export type Receiver = Follower & {
  carry: Uint8Array;
  carried: number;
  /** What comes cannot be read on. */
  broken: boolean;
};

export type ReaderOptions = {
  wire: Room;
  /** Bytes of each message. */
  messageBytes: number;
  tag: number;
  /** A verified message. */
  onMessage: (receiver: number, sender: number, sequence: number, time: number) => void;
  /** A message beside those that are measured (`marks`): of the roll call, or the last one of its sender. */
  onMark: (receiver: number, sender: number, mark: number) => void;
  /** Sends what a unit asks for, such as a pong. */
  answer?: (receiver: number, bytes: Uint8Array) => void;
  /** The stream of a receiver cannot be read on, for a reason that is not held against the server. */
  onUnreadable?: (reason: string) => void;
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
const WORD_BYTES = 4;
/** Of a unit that is not right so much is told. */
const SHOWN_BYTES = 240;

export type Reader = ReturnType<typeof createReader>;

export function createReceiver(index: number): Receiver {
  return { ...createFollower(index), carry: new Uint8Array(0), carried: 0, broken: false };
}

export function createReader(options: ReaderOptions) {
  const { messageBytes, tag, onMessage } = options;
  /** Of a read, behind a message: a datagram is one unit, whatever stands behind a message in it. */
  const mostLeft = options.wire.framing.transport === "udp" ? 0 : SCRATCH_BYTES;
  const reading = createReading(options);
  const { scratch, view, prefixes, suffix, tagWord, canonical } = reading;

  // The hot path is a closure over constants: taken from an object, they made 56 ns a delivery 63 (Bun 1.4.5).
  /** Whether a right message begins at `at`, its prefix being `length` bytes; its header is in `stamp`. */
  function isMessage(at: number, length: number, end: number): boolean {
    const start = at + length;
    const stop = start + messageBytes;
    const left = end - stop - suffix.length;
    return (
      left >= 0 &&
      left <= mostLeft &&
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
    if (receiver.broken) return;
    let at = 0;
    let compares = canonical !== undefined && receiver.resting <= 0;
    while (at < end) {
      if (compares) {
        const followed = canonical!.follow(receiver, at, end);
        if (followed > at) reading.guess = prefixes.lengths[stamp.sender] ?? reading.guess;
        at = followed;
        if (at === end) break;
        compares = receiver.resting <= 0;
      }
      if (isMessage(at, reading.guess, end)) {
        const stop = at + reading.guess + messageBytes + suffix.length;
        onMessage(receiver.index, stamp.sender, stamp.sequence, stamp.time);
        if (compares) canonical!.verified(receiver, at, stop, stamp);
        at = stop;
        continue;
      }
      const next = readSlowly(reading, isMessage, receiver, at, end);
      if (next < 0) break;
      at = next;
    }
    if (receiver.resting > 0) receiver.resting -= end;
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
          guardBytes: Math.min(suffix.length + WORD_BYTES, options.messageBytes),
          wholeReads: options.wire.framing.transport === "udp",
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
  if (receiver.resting <= 0) canonical?.verified(receiver, at, stop, stamp);
}

/** One unit that is not a plain next message; returns where it ends, or -1 when it has not come whole. */
function readSlowly(
  reading: Reading,
  isMessage: IsMessage,
  receiver: Receiver,
  at: number,
  end: number,
): number {
  try {
    const stop = reading.wire.framing.end(reading.scratch, at, end);
    if (stop - at > MAX_UNIT_BYTES) throw new FramingFault(`a unit of ${stop - at} bytes`);
    if (stop < 0 || stop > end) return -1;
    if (!takeMessage(reading, isMessage, receiver, at, stop)) classify(reading, receiver.index, at, stop);
    return stop;
  } catch (error) {
    giveUp(reading, receiver, at, end, error);
    return end;
  }
}

/** Enters the message or mark that this unit is; false when it is neither. */
function takeMessage(
  reading: Reading,
  isMessage: IsMessage,
  receiver: Receiver,
  at: number,
  stop: number,
): boolean {
  const { wire, messageBytes, view, tag } = reading;
  if (wire.find) {
    const start = foundAt(reading, at, stop);
    // Whatever it says: who does not acknowledge is sent no more.
    if (start >= 0 && wire.acknowledge)
      reading.answer?.(receiver.index, wire.acknowledge(payloadOf(wire.framing, reading.scratch, at, stop)));
    if (start >= 0 && verifyMessage(view, start, messageBytes, tag)) take(reading, receiver, at, stop);
    else if (start >= 0 && verifyMessage(view, start, messageBytes, markTag(tag)))
      reading.onMark(receiver.index, stamp.sender, stamp.time);
    else return refuseElsewhere(reading, at, stop);
    return true;
  }
  if (isOfOtherLength(reading, isMessage, at, stop) || isFirst(reading, isMessage, at, stop))
    take(reading, receiver, at, stop);
  else if (isMark(reading, at, stop)) reading.onMark(receiver.index, stamp.sender, stamp.time);
  else return false;
  return true;
}

/** Where the message stands in a unit whose header varies; -1 where there is none of our length. */
function foundAt({ wire, scratch, messageBytes }: Reading, at: number, stop: number): number {
  const [from] = wire.framing.payload(scratch, at, stop);
  const found = wire.find!(payloadOf(wire.framing, scratch, at, stop));
  if (!found || found[1] - found[0] !== messageBytes || found[0] < 0 || from + found[1] > stop) return -1;
  return from + found[0];
}

/**
 * A whole and right message that `find` has not found: either the server put something beside it, or `find` is wrong.
 * Nobody here can tell which, so that it is held against neither.
 */
function refuseElsewhere({ scratch, view, messageBytes, tag }: Reading, at: number, stop: number): false {
  for (const one of [tag, markTag(tag)]) {
    const word = Buffer.from(new Int32Array([hexWord(one)]).buffer);
    const unit = Buffer.from(scratch.buffer, at, stop - at);
    for (let from = unit.indexOf(word); from >= 0; from = unit.indexOf(word, from + 1))
      if (at + from + messageBytes <= stop && verifyMessage(view, at + from, messageBytes, one))
        throw new Error(`room.find does not find the message that stands at byte ${from} of a delivery`);
  }
  return false;
}

/** Bytes that no unit begins with: nothing more of this receiver's can be read. */
function giveUp(reading: Reading, receiver: Receiver, at: number, end: number, error: unknown): void {
  receiver.broken = true;
  const { scratch } = reading;
  const text = textOf(scratch, at, end);
  const reason = error instanceof Error ? error.message : String(error);
  if (!(error instanceof FramingFault) || error.unsupported)
    return void reading.onUnreadable?.(`${reason}: ${JSON.stringify(text)}`);
  const start = startOfMessage(reading, at, end);
  if (start === undefined) reading.onUnexpected(receiver.index, { text: `${text} (${reason})` });
  else reading.onCorrupt(receiver.index, { text, ...claimAt(reading, start) });
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

/** What asks for an answer, or is known; or a fault: corrupt if it bears our tag or has our length, unexpected if not. */
function classify(reading: Reading, receiver: number, at: number, stop: number): void {
  const { wire, scratch } = reading;
  const answer = wire.react(scratch, at, stop, "member");
  if (answer === ignore) return;
  if (answer) {
    reading.answer?.(receiver, answer);
    return;
  }
  const text = textOf(scratch, at, stop);
  const found = wire.find ? foundAt(reading, at, stop) : -1;
  const start = found >= 0 ? found : startOfMessage(reading, at, stop);
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
  { wire, scratch, view, messageBytes, tag, prefixes, suffix }: Reading,
  start: number,
): Omit<BadUnit, "text"> {
  if (start + messageBytes > scratch.length) return {};
  verifyMessage(view, start, messageBytes, tag);
  const { sender, sequence, time } = stamp;
  if (sender >= prefixes.list.length) return {};
  const body = new Uint8Array(messageBytes);
  writeMessage(new DataView(body.buffer), 0, messageBytes, tag, sender, sequence, time);
  const unit = wire.find ? body : Buffer.concat([prefixes.list[sender], body, suffix]);
  return { sender, sequence, expected: textOf(unit, 0, unit.length) };
}

const textOf = (bytes: Uint8Array, from: number, to: number) =>
  Buffer.from(bytes.subarray(from, Math.min(to, from + SHOWN_BYTES))).toString("latin1");
