/**
 * WebSocket by hand (RFC 6455): the opening handshake and frames as bytes, both ways. No socket, no clock.
 *
 * Whoever counts system calls or breaks rules on purpose needs the frames themselves: Bun's client sends each
 * message by a call of its own, and no library sends a frame that the RFC forbids. So nothing here judges a
 * frame: every header that can be written can be read.
 */

/** What a key is joined with before it is hashed (RFC 6455 1.3). */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** RFC 6455 11.8. */
export const opcodes = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** The first byte of a frame that is a whole message. */
export const FIN = 0x80;
/** Most payload bytes of a control frame (RFC 6455 5.5). */
export const MAX_CONTROL_BYTES = 125;
/** The longest header: 2 bytes, 8 of length, 4 of mask. */
export const MAX_HEADER_BYTES = 14;

const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Bytes of the header of a frame with so many payload bytes, in the shortest form (RFC 6455 5.2). */
export function headerBytes(payloadBytes: number, masked: boolean): number {
  const extended = payloadBytes < LENGTH_16 ? 0 : payloadBytes < 65_536 ? 2 : 8;
  return 2 + extended + (masked ? 4 : 0);
}

/**
 * Writes a frame's header at `at` and returns where its payload begins.
 * @param first the first byte: FIN, the RSV bits and the opcode
 * @param mask the masking key as a little-endian word, or undefined for a server's frame
 */
export function writeHeader(
  view: DataView,
  at: number,
  first: number,
  payloadBytes: number,
  mask?: number,
): number {
  const maskBit = mask === undefined ? 0 : MASKED;
  view.setUint8(at, first);
  let end = at + 2;
  if (payloadBytes < LENGTH_16) view.setUint8(at + 1, maskBit | payloadBytes);
  else if (payloadBytes < 65_536) {
    view.setUint8(at + 1, maskBit | LENGTH_16);
    view.setUint16(at + 2, payloadBytes);
    end += 2;
  } else {
    view.setUint8(at + 1, maskBit | LENGTH_64);
    view.setUint32(at + 2, Math.floor(payloadBytes / 0x1_0000_0000));
    view.setUint32(at + 6, payloadBytes >>> 0);
    end += 8;
  }
  if (mask === undefined) return end;
  view.setInt32(end, mask, true);
  return end + 4;
}

/** Masks or unmasks `bytes[from, to)` in place, four bytes at a time (RFC 6455 5.3: one rule for both). */
export function applyMask(view: DataView, from: number, to: number, mask: number): void {
  let at = from;
  for (; at + 4 <= to; at += 4) view.setInt32(at, view.getInt32(at, true) ^ mask, true);
  for (let rest = mask; at < to; at++, rest >>>= 8) view.setUint8(at, view.getUint8(at) ^ (rest & 0xff));
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** One frame as bytes of its own: for handshakes, tests and cases; a fleet writes into its own buffer. */
export function encodeFrame(first: number, payload: Uint8Array | string, mask?: number): Uint8Array {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  const frame = new Uint8Array(headerBytes(bytes.length, mask !== undefined) + bytes.length);
  const view = viewOf(frame);
  const at = writeHeader(view, 0, first, bytes.length, mask);
  frame.set(bytes, at);
  if (mask !== undefined) applyMask(view, at, frame.length, mask);
  return frame;
}

/** A frame's header as it was read. */
export type FrameHeader = {
  /** FIN, RSV bits and opcode. */
  first: number;
  masked: boolean;
  /** The masking key as a little-endian word; 0 without one. */
  mask: number;
  payloadBytes: number;
  /** Bytes that the header took: more than `headerBytes` says is a length in a longer form than needed. */
  headerBytes: number;
};

export const isFinal = (first: number): boolean => (first & FIN) !== 0;
export const opcodeOf = (first: number): number => first & 0x0f;
export const reservedBits = (first: number): number => first & 0x70;
export const isControl = (first: number): boolean => (first & 0x08) !== 0;

/** A receiver of one frame: its payload, unmasked, is `bytes[from, to)`; all is valid during the call only. */
export type FrameHandler = (header: FrameHeader, bytes: Uint8Array, from: number, to: number) => void;

/** What of a frame has come so far when a read ended inside it. */
export type FrameBuffer = { kept: Uint8Array; length: number; readonly header: FrameHeader };

export function createFrameBuffer(): FrameBuffer {
  return {
    kept: new Uint8Array(0),
    length: 0,
    header: { first: 0, masked: false, mask: 0, payloadBytes: 0, headerBytes: 0 },
  };
}

/**
 * Reads the header at `bytes[from, to)` into `header`; false when it is not all there.
 * A length past 2^53, which no frame here has, comes out as near as a double comes.
 */
export function readHeader(header: FrameHeader, bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 2) return false;
  const second = bytes[from + 1];
  const short = second & 0x7f;
  const extended = short === LENGTH_16 ? 2 : short === LENGTH_64 ? 8 : 0;
  header.first = bytes[from];
  header.masked = (second & MASKED) !== 0;
  header.headerBytes = 2 + extended + (header.masked ? 4 : 0);
  if (to - from < header.headerBytes) return false;
  let at = from + 2;
  header.payloadBytes = extended === 0 ? short : 0;
  for (const end = at + extended; at < end; at++) header.payloadBytes = header.payloadBytes * 256 + bytes[at];
  header.mask = header.masked
    ? bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    : 0;
  return true;
}

const reading = createFrameBuffer().header;

/** Bytes from `from` of a frame's header; 0 while it has not all come. */
export const headerBytesAt = (bytes: Uint8Array, from: number, to: number): number =>
  readHeader(reading, bytes, from, to) ? reading.headerBytes : 0;

/** Where the frame that begins at `from` ends, which may be past `to`; -1 while its header has not all come. */
export const frameEnd = (bytes: Uint8Array, from: number, to: number): number =>
  readHeader(reading, bytes, from, to) ? from + reading.headerBytes + reading.payloadBytes : -1;

/**
 * Hands each whole frame of what has come to `onFrame`, in order, and keeps the rest. A masked payload is
 * unmasked in place. `limit` bounds a payload: at a longer one it returns false, the caller ends the
 * connection, and the rest is not read. So it does at a header that `accepts`, which may see one twice, refuses.
 */
export function splitFrames(
  buffer: FrameBuffer,
  chunk: Uint8Array,
  limit: number,
  onFrame: FrameHandler,
  accepts?: (header: FrameHeader) => boolean,
): boolean {
  const { header } = buffer;
  const refused = () => (accepts !== undefined && !accepts(header)) || header.payloadBytes > limit;
  let at = 0;
  while (buffer.length > 0) {
    // The frame that was cut: first its header, then all of it, and no byte more, is gathered in `kept`.
    const whole = readHeader(header, buffer.kept, 0, buffer.length);
    if (whole && refused()) return false;
    const needed = whole
      ? header.headerBytes + header.payloadBytes
      : buffer.length < 2
        ? 2
        : header.headerBytes;
    if (whole && needed === buffer.length) {
      buffer.length = 0;
      hand(header, buffer.kept, needed - header.payloadBytes, needed, onFrame);
      break;
    }
    if (at === chunk.length) return true;
    const end = Math.min(chunk.length, at + needed - buffer.length);
    keep(buffer, chunk, at, end, Math.min(needed, limit + MAX_HEADER_BYTES));
    at = end;
  }
  const view = viewOf(chunk);
  while (at < chunk.length) {
    if (!readHeader(header, chunk, at, chunk.length)) break;
    if (refused()) return false;
    const from = at + header.headerBytes;
    const to = from + header.payloadBytes;
    if (to > chunk.length) break;
    hand(header, chunk, from, to, onFrame, view);
    at = to;
  }
  if (at < chunk.length) keep(buffer, chunk, at, chunk.length, chunk.length - at);
  return true;
}

function hand(
  header: FrameHeader,
  bytes: Uint8Array,
  from: number,
  to: number,
  onFrame: FrameHandler,
  view = viewOf(bytes),
): void {
  if (header.masked) applyMask(view, from, to, header.mask);
  onFrame(header, bytes, from, to);
}

function keep(buffer: FrameBuffer, chunk: Uint8Array, from: number, to: number, room: number): void {
  const length = buffer.length + to - from;
  if (length > buffer.kept.length) {
    const grown = new Uint8Array(Math.max(256, room, length));
    grown.set(buffer.kept.subarray(0, buffer.length));
    buffer.kept = grown;
  }
  buffer.kept.set(chunk.subarray(from, to), buffer.length);
  buffer.length = length;
}

/** The payload of a close frame: nothing, or two bytes of code and a reason (RFC 6455 5.5.1). */
export function closePayload(code?: number, reason = ""): Uint8Array {
  if (code === undefined) return new Uint8Array(0);
  const text = Buffer.from(reason);
  const payload = new Uint8Array(2 + text.length);
  viewOf(payload).setUint16(0, code);
  payload.set(text, 2);
  return payload;
}

/** The code of a close frame's payload: 1005 stands for "none was sent" (RFC 6455 7.1.5). */
export function closeCode(bytes: Uint8Array, from = 0, to = bytes.length): number {
  return to - from < 2 ? 1005 : (bytes[from] << 8) | bytes[from + 1];
}

/** A `Sec-WebSocket-Key` from 16 random bytes (RFC 6455 4.1). */
export const createKey = (random: Uint8Array): string => Buffer.from(random).toString("base64");

/** The `Sec-WebSocket-Accept` that answers a key (RFC 6455 4.2.2). */
export function acceptFor(key: string): string {
  return new Bun.CryptoHasher("sha1").update(key + ACCEPT_GUID).digest("base64");
}

/** The opening request; `extra` adds header fields, or replaces the usual ones, or leaves one out (undefined). */
export function handshakeRequest(
  host: string,
  path: string,
  key: string,
  extra: Record<string, string | undefined> = {},
): string {
  const fields: Record<string, string | undefined> = {
    Host: host,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    ...extra,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** The head of an HTTP message: its first line, and its fields by lower-case name. */
export type HttpHead = {
  firstLine: string;
  fields: Record<string, string>;
  /** The lines of the fields, as they stand. */
  lines: string[];
  /** Where what follows the head begins. */
  end: number;
};

/**
 * Reads the head of a request or a response; undefined when it is not all there. In the first `looked` bytes its end
 * has been looked for before: a head that comes byte by byte is not searched from its beginning each time.
 */
export function readHead(bytes: Uint8Array, looked = 0): HttpHead | undefined {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = all.indexOf("\r\n\r\n", Math.max(0, looked - 3));
  if (end < 0) return undefined;
  const [firstLine, ...lines] = Buffer.from(bytes.subarray(0, end)).toString("latin1").split("\r\n");
  const fields: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    // Fields of one name are one list (RFC 9110 5.3).
    if (colon > 0) fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
  }
  return { firstLine, fields, lines, end: end + 4 };
}

/** The status code of a response's first line; 0 when it is none. */
export const statusOf = (head: HttpHead): number =>
  Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(head.firstLine)?.[1] ?? 0);

/** What our clients' frames are masked with: any but zero makes the server do the work (RFC 6455 5.3). */
export const CLIENT_MASK = 0x5a17c3e9;

/** The header of a text frame that is a whole message. */
export function textFrameHeader(payloadBytes: number, mask?: number): Uint8Array {
  const header = new Uint8Array(headerBytes(payloadBytes, mask !== undefined));
  writeHeader(new DataView(header.buffer), 0, FIN | opcodes.text, payloadBytes, mask);
  return header;
}

/** What a client has to answer to a control frame: a pong to a ping (RFC 6455 5.5.2), and nothing to the others. */
export function answerTo(controlFrame: Uint8Array): Uint8Array | undefined {
  if (opcodeOf(controlFrame[0]) !== opcodes.ping) return undefined;
  // A server's frame has no mask, and a control frame's length is one byte.
  return encodeFrame(FIN | opcodes.pong, controlFrame.subarray(2), CLIENT_MASK);
}
