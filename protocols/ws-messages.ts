/**
 * The receiving half of a WebSocket server (RFC 6455 5 to 8): frames become messages, and whatever breaks a rule
 * becomes the code with which the connection is to be closed. No socket, no clock.
 */
import { isUtf8 } from "node:buffer";
import {
  closeCode,
  createFrameBuffer,
  type FrameBuffer,
  type FrameHeader,
  headerBytes,
  isControl,
  isFinal,
  MAX_CONTROL_BYTES,
  opcodeOf,
  opcodes,
  reservedBits,
  splitFrames,
} from "./websocket.ts";

/** Why a connection is closed: RFC 6455 7.4.1. */
export type Closing = { code: number; reason: string };

export type MessageBuffer = {
  frames: FrameBuffer;
  /** The opcode of the message that has begun and not ended: 0 between messages. */
  opcode: number;
  /** Its fragments so far. */
  parts: Uint8Array;
  length: number;
  /** After a close frame, a fault, or a handler that wants no more: nothing is read. */
  ended: boolean;
};

/**
 * A whole message, or a control frame that keeps the rules: its payload is `bytes[from, to)`, valid during the call.
 * False ends the reading.
 */
export type MessageHandler = (opcode: number, bytes: Uint8Array, from: number, to: number) => boolean;

const EMPTY = new Uint8Array(0);
const known: ReadonlySet<number> = new Set(Object.values(opcodes));

export function createMessageBuffer(): MessageBuffer {
  return { frames: createFrameBuffer(), opcode: 0, parts: EMPTY, length: 0, ended: false };
}

const violation = (reason: string): Closing => ({ code: 1002, reason });
const noUtf8: Closing = { code: 1007, reason: "text is UTF-8" };

/**
 * Hands each message and control frame of what has come to `onMessage`, in order, and keeps the rest. `limit` bounds
 * a message, all its fragments together. Returns the fault, if there is one: nothing is read after it.
 */
export function readMessages(
  buffer: MessageBuffer,
  chunk: Uint8Array,
  limit: number,
  onMessage: MessageHandler,
): Closing | undefined {
  if (buffer.ended) return undefined;
  let fault: Closing | undefined;
  const accepts = (header: FrameHeader) => {
    if (!buffer.ended) fault ??= headerFault(buffer, header, limit);
    return !buffer.ended && !fault;
  };
  splitFrames(
    buffer.frames,
    chunk,
    limit,
    (header, bytes, from, to) => {
      if (isControl(header.first)) {
        if (opcodeOf(header.first) === opcodes.close) fault = closeFault(bytes, from, to);
      } else if (isFinal(header.first) && buffer.opcode === 0) {
        fault = textFault(opcodeOf(header.first), bytes, from, to);
      } else {
        append(buffer, opcodeOf(header.first), bytes, from, to);
        if (isFinal(header.first)) fault = handWhole(buffer, onMessage);
        return;
      }
      if (!fault) buffer.ended = !onMessage(opcodeOf(header.first), bytes, from, to);
    },
    accepts,
  );
  if (fault) buffer.ended = true;
  return fault;
}

/** What a frame's header alone tells: a frame that may not be is not waited for. */
function headerFault(
  buffer: MessageBuffer,
  { first, masked, payloadBytes, headerBytes: taken }: FrameHeader,
  limit: number,
): Closing | undefined {
  const opcode = opcodeOf(first);
  if (reservedBits(first) !== 0) return violation("reserved bits mean nothing here");
  if (!known.has(opcode)) return violation(`opcode ${opcode} means nothing`);
  if (!masked) return violation("a client masks its frames");
  if (taken !== headerBytes(payloadBytes, masked)) return violation("a length takes as few bytes as it can");
  if (isControl(first)) {
    if (!isFinal(first)) return violation("a control frame is no fragment");
    return payloadBytes > MAX_CONTROL_BYTES
      ? violation(`a control frame has at most ${MAX_CONTROL_BYTES} bytes`)
      : undefined;
  }
  if (opcode === opcodes.continuation && buffer.opcode === 0)
    return violation("there is nothing to continue");
  if (opcode !== opcodes.continuation && buffer.opcode !== 0)
    return violation("the message before has no end");
  return buffer.length + payloadBytes > limit
    ? { code: 1009, reason: `a message has at most ${limit} bytes` }
    : undefined;
}

function textFault(opcode: number, bytes: Uint8Array, from: number, to: number): Closing | undefined {
  return opcode === opcodes.text && !isUtf8(bytes.subarray(from, to)) ? noUtf8 : undefined;
}

/** RFC 6455 5.5.1, 7.4. */
function closeFault(bytes: Uint8Array, from: number, to: number): Closing | undefined {
  if (from === to) return undefined;
  const code = closeCode(bytes, from, to);
  if (!maySend(code)) return violation("no code that may be sent");
  return isUtf8(bytes.subarray(from + 2, to)) ? undefined : noUtf8;
}

/** Whether a close frame may carry this code: those of the RFC and its registry, and the two ranges for others. */
const maySend = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);

function append(buffer: MessageBuffer, opcode: number, bytes: Uint8Array, from: number, to: number): void {
  if (buffer.opcode === 0) buffer.opcode = opcode;
  const length = buffer.length + to - from;
  if (length > buffer.parts.length) {
    const grown = new Uint8Array(Math.max(256, length * 2));
    grown.set(buffer.parts.subarray(0, buffer.length));
    buffer.parts = grown;
  }
  buffer.parts.set(bytes.subarray(from, to), buffer.length);
  buffer.length = length;
}

/** The message whose last fragment has come. */
function handWhole(buffer: MessageBuffer, onMessage: MessageHandler): Closing | undefined {
  const { opcode, parts, length } = buffer;
  buffer.opcode = 0;
  buffer.length = 0;
  buffer.parts = EMPTY;
  const fault = textFault(opcode, parts, 0, length);
  if (!fault) buffer.ended = !onMessage(opcode, parts, 0, length);
  return fault;
}
