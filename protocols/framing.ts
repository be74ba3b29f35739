/**
 * What bounds a unit of a protocol. A framing puts its own bytes around what is said and takes them off what is heard:
 * a newline, a length, a frame's header. A function that only tells where a unit ends puts nothing around it.
 */
import type { Unit } from "./definition.ts";
import type { Transport } from "./protocol.ts";
import {
  answerTo,
  CLIENT_MASK,
  FIN,
  frameEnd,
  headerBytes,
  headerBytesAt,
  isControl,
  isFinal,
  opcodeOf,
  opcodes,
  writeHeader,
} from "./websocket.ts";

/** Returned by `control` for a unit that needs no answer and is no fault. */
export const ignore: unique symbol = Symbol("ignore");

/** A framing's own bytes before and behind a payload; what a WebSocket client sends is masked besides. */
export type Frame = { head: Uint8Array; tail: Uint8Array; mask?: number };

export type Framing = {
  /** As errors call it. */
  readonly name: string;
  /** The transport that it is made for: a stream's units come over TCP, TLS and Unix sockets. */
  readonly transport: Transport;
  /** Where the unit at `from` ends: past `to` where that is known before all has come, -1 where it is not. */
  readonly end: (bytes: Uint8Array, from: number, to: number) => number;
  /** The payload of a whole unit: all but the framing's own bytes. */
  readonly payload: (bytes: Uint8Array, from: number, end: number) => readonly [from: number, to: number];
  /** What stands around a payload of so many bytes, as a server sends it, and as a client does. */
  readonly heard: (payloadBytes: number) => Frame;
  readonly said: (payloadBytes: number) => Frame;
  /** A unit that is the framing's own affair: bytes that answer it as they are, or `ignore`. */
  readonly own?: (unit: Uint8Array) => Uint8Array | typeof ignore | undefined;
};

/** Where does the first unit end? Bytes of it, or undefined while it has not come whole. */
export type FindEnd = (bytes: Unit) => number | undefined;

/** Bytes that a framing cannot read on from, and why; `unsupported` where they may well be right. */
export class FramingFault extends Error {
  constructor(
    message: string,
    readonly unsupported = false,
  ) {
    super(message);
  }
}

const NOTHING = new Uint8Array(0);
const bare = (): Frame => ({ head: NOTHING, tail: NOTHING });
const whole = (_: Uint8Array, from: number, end: number) => [from, end] as const;

/** Units end with these bytes, which a payload cannot hold. */
export function delimiter(ends: string | Uint8Array, name = `delimiter(${JSON.stringify(ends)})`): Framing {
  const tail = new Uint8Array(Buffer.from(ends as string));
  if (tail.length === 0) throw new FramingFault("delimiter() takes at least one byte");
  const frame = () => ({ head: NOTHING, tail });
  return {
    name,
    transport: "tcp",
    end(bytes, from, to) {
      const at =
        tail.length === 1
          ? bytes.subarray(from, to).indexOf(tail[0])
          : Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).indexOf(tail);
      return at < 0 ? -1 : from + at + tail.length;
    },
    payload: (_, from, end) => [from, end - tail.length],
    heard: frame,
    said: frame,
  };
}

/** Lines that end with `\n`. */
export const lines = (): Framing => delimiter("\n", "lines()");

export type LengthPrefix = {
  /** Of the length itself. */
  bytes: 1 | 2 | 3 | 4;
  /** `big` by default. */
  endian?: "big" | "little";
  /** Whether the length counts itself too. */
  includesSelf?: boolean;
};

/** Each payload behind its length. */
export function lengthPrefixed({ bytes: size, endian = "big", includesSelf = false }: LengthPrefix): Framing {
  if (![1, 2, 3, 4].includes(size)) throw new FramingFault("lengthPrefixed() takes bytes of 1, 2, 3 or 4");
  const counted = includesSelf ? size : 0;
  const place = (i: number) => (endian === "big" ? size - 1 - i : i);
  const frame = (payloadBytes: number): Frame => {
    const length = payloadBytes + counted;
    if (length >= 256 ** size)
      throw new FramingFault(`a length of ${size} bytes cannot tell ${length} bytes`);
    const head = new Uint8Array(size);
    for (let i = 0; i < size; i++) head[place(i)] = Math.floor(length / 256 ** i) & 0xff;
    return { head, tail: NOTHING };
  };
  return {
    name: "lengthPrefixed()",
    transport: "tcp",
    end(bytes, from, to) {
      if (to - from < size) return -1;
      let length = 0;
      for (let i = 0; i < size; i++) length += bytes[from + place(i)] * 256 ** i;
      if (length < counted) throw new FramingFault(`the length ${length} counts ${size} bytes of its own`);
      return from + size - counted + length;
    },
    payload: (_, from, end) => [from + size, end],
    heard: frame,
    said: frame,
  };
}

/** UDP: each datagram is a unit. */
export const datagram = (): Framing => ({
  name: "datagram()",
  transport: "udp",
  end: (_, __, to) => to,
  payload: whole,
  heard: bare,
  said: bare,
});

/** WebSocket: each message is a unit, in one frame; pings are answered. */
export function wsMessage({ binary = false }: { binary?: boolean } = {}): Framing {
  const opcode = binary ? opcodes.binary : opcodes.text;
  const frame =
    (mask?: number) =>
    (payloadBytes: number): Frame => {
      const head = new Uint8Array(headerBytes(payloadBytes, mask !== undefined));
      writeHeader(new DataView(head.buffer), 0, FIN | opcode, payloadBytes, mask);
      return { head, tail: NOTHING, ...(mask === undefined ? {} : { mask }) };
    };
  return {
    name: "wsMessage()",
    transport: "ws",
    end: frameEnd,
    payload: (bytes, from, end) => [from + headerBytesAt(bytes, from, end), end],
    heard: frame(),
    said: frame(CLIENT_MASK),
    own(unit) {
      if (isControl(unit[0])) return answerTo(unit) ?? ignore;
      // No fault of the server's: fragments are messages too (RFC 6455 5.4), only not to this reader.
      if (!isFinal(unit[0]) || opcodeOf(unit[0]) === opcodes.continuation)
        throw new FramingFault("it sends messages in fragments, which are not read here", true);
      return undefined;
    },
  };
}

/** Nothing bounds what a client sends: for `sends` alone. */
export const unbounded = (): Framing => ({
  name: "unbounded()",
  transport: "tcp",
  end: (_, __, to) => to,
  payload: whole,
  heard: bare,
  said: bare,
});

/** A framing of one's own, which only tells where a unit ends. */
export const framingBy = (find: FindEnd): Framing => ({
  name: "the function",
  transport: "tcp",
  end(bytes, from, to) {
    const length = find(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from));
    if (length === undefined) return -1;
    if (!Number.isInteger(length) || length <= 0)
      throw new Error(`framing: a unit has a whole number of bytes above 0, not ${length}`);
    return from + length;
  },
  payload: whole,
  heard: bare,
  said: bare,
});

/** A payload as a unit: what a server or a client sends. */
export function framed(frame: (payloadBytes: number) => Frame, payload: Uint8Array): Uint8Array {
  const { head, tail, mask } = frame(payload.length);
  return Buffer.concat([head, mask === undefined ? payload : masked(payload, mask), tail]);
}

/** The mask for bytes that begin so many behind the payload's beginning. */
export const maskAt = (mask: number, at: number): number =>
  at % 4 === 0 ? mask : (mask >>> (8 * (at % 4))) | (mask << (32 - 8 * (at % 4)));

export function masked(bytes: Uint8Array, mask: number): Uint8Array {
  return bytes.map((byte, i) => byte ^ (mask >>> (8 * (i % 4))));
}
