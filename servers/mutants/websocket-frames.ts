/** The frames of the WebSocket mutants: each rule of RFC 6455 5 to 8 in plain sight. What can be wrong is in websocket-faults.ts. */
import { isUtf8 } from "node:buffer";
import type { Socket } from "bun";
import { createOutbox, type Outbox, send } from "../../platform/outbox.ts";
import {
  closeCode,
  closePayload,
  createFrameBuffer,
  encodeFrame,
  FIN,
  type FrameBuffer,
  type FrameHeader,
  headerBytes,
  isControl,
  isFinal,
  opcodeOf,
  opcodes,
  reservedBits,
  splitFrames,
} from "../../protocols/websocket.ts";

export type WsConnection = {
  /** What has come of the handshake. */
  head: Buffer;
  open: boolean;
  closing: boolean;
  frames: FrameBuffer;
  /** Of the message that has begun, 0 between messages, and its fragments. */
  opcode: number;
  parts: Buffer[];
  outbox: Outbox;
};

export type WsSocket = Socket<WsConnection>;

/** Whether a header breaks a rule, for which the connection fails. */
type Rule = (header: FrameHeader, connection: WsConnection) => boolean;

/** The decisions of the echo behind the handshake. */
export type Frames = {
  queueBytes: number;
  frameBytes: number;
  receiveFrames: (socket: WsSocket, bytes: Buffer) => void;
  frame: (socket: WsSocket, header: FrameHeader, payload: Buffer) => void;
  /** Whether what comes still matters, and may be answered. */
  listensTo: (connection: WsConnection) => boolean;
  frameRules: Readonly<Record<string, Rule>>;
  /** The code that a header fails the connection with; 0 for none. */
  faultOf: (...header: Parameters<Rule>) => number;
  control: (socket: WsSocket, opcode: number, payload: Buffer) => void;
  pong: (socket: WsSocket, payload: Buffer) => void;
  /** A frame of a message. */
  part: (socket: WsSocket, first: number, payload: Buffer) => void;
  endsMessage: (first: number) => boolean;
  /** The message is whole. */
  finish: (socket: WsSocket, opcode: number) => void;
  mayBe: (opcode: number, message: Buffer) => boolean;
  textOf: (text: Buffer) => Buffer;
  answerClose: (socket: WsSocket, payload: Buffer) => void;
  /** The code that a close is answered with. */
  closeAnswer: (payload: Buffer) => number | undefined;
  isCloseCode: (code: number) => boolean;
  isCloseReason: (reason: Buffer) => boolean;
  encode: (first: number, payload: Uint8Array) => Uint8Array;
  write: (socket: WsSocket, first: number, payload: Uint8Array) => void;
  /** Both have closed. */
  end: (socket: WsSocket) => void;
  /** Fails the connection (RFC 6455 7.1.7). */
  fail: (socket: WsSocket, code: number) => void;
  /** The peer has sent FIN. */
  ended: (socket: WsSocket) => void;
};

export const newConnection = (queueBytes: number): WsConnection => ({
  head: Buffer.alloc(0),
  open: false,
  closing: false,
  frames: createFrameBuffer(),
  opcode: 0,
  parts: [],
  outbox: createOutbox(queueBytes),
});

const isKnown = (first: number) => [0, 1, 2, 8, 9, 10].includes(opcodeOf(first));

const frameRules: Frames["frameRules"] = {
  mask: ({ masked }) => !masked,
  reserved: ({ first }) => reservedBits(first) !== 0,
  opcode: ({ first }) => !isKnown(first),
  "cut control": ({ first }) => isControl(first) && !isFinal(first),
  "long control": ({ first, payloadBytes }) => isControl(first) && payloadBytes > 125,
  "long form": (header) => header.headerBytes !== headerBytes(header.payloadBytes, header.masked),
  orphan: ({ first }, { opcode }) => opcodeOf(first) === opcodes.continuation && opcode === 0,
  "new in old": ({ first }, { opcode }) => [1, 2].includes(opcodeOf(first)) && opcode !== 0,
};

/** The rules that are right, as parts of a server that is called `echo`. */
export const plainFrames = (echo: Frames): Frames => ({
  queueBytes: 64e6,
  frameBytes: 32e6,
  frameRules,
  receiveFrames(socket, bytes) {
    const ok = splitFrames(
      socket.data.frames,
      Buffer.from(bytes),
      echo.frameBytes,
      (header, bytes, from, to) => echo.frame(socket, header, Buffer.from(bytes.subarray(from, to))),
    );
    if (!ok) echo.fail(socket, 1009);
  },
  frame(socket, header, payload) {
    if (!echo.listensTo(socket.data)) return;
    const code = echo.faultOf(header, socket.data);
    if (code !== 0) echo.fail(socket, code);
    else if (isControl(header.first)) echo.control(socket, opcodeOf(header.first), payload);
    else if (isKnown(header.first)) echo.part(socket, header.first, payload);
  },
  listensTo: ({ closing }) => !closing,
  faultOf: (...header) => (Object.values(echo.frameRules).some((broken) => broken(...header)) ? 1002 : 0),
  control(socket, opcode, payload) {
    if (opcode === opcodes.ping) echo.pong(socket, payload);
    if (opcode !== opcodes.close) return;
    echo.answerClose(socket, payload);
    echo.end(socket);
  },
  pong: (socket, payload) => echo.write(socket, FIN | opcodes.pong, payload),
  part(socket, first, payload) {
    const { data } = socket;
    if (opcodeOf(first) !== 0) {
      data.opcode = opcodeOf(first);
      data.parts = [];
    }
    data.parts.push(payload);
    if (echo.endsMessage(first)) echo.finish(socket, data.opcode || opcodes.text);
  },
  endsMessage: isFinal,
  finish(socket, opcode) {
    const { data } = socket;
    const message = Buffer.concat(data.parts);
    data.parts = [];
    data.opcode = 0;
    if (!echo.mayBe(opcode, message)) echo.fail(socket, 1007);
    else echo.write(socket, FIN | opcode, opcode === opcodes.text ? echo.textOf(message) : message);
  },
  mayBe: (opcode, message) => opcode !== opcodes.text || isUtf8(message),
  textOf: (text) => text,
  answerClose: (socket, payload) =>
    echo.write(socket, FIN | opcodes.close, closePayload(echo.closeAnswer(payload))),
  closeAnswer(payload) {
    if (payload.length === 0) return undefined;
    if (payload.length === 1 || !echo.isCloseCode(closeCode(payload))) return 1002;
    return echo.isCloseReason(payload.subarray(2)) ? closeCode(payload) : 1007;
  },
  isCloseCode: (code) =>
    ![1004, 1005, 1006].includes(code) && ((code >= 1000 && code < 1012) || (code >= 3000 && code < 5000)),
  isCloseReason: isUtf8,
  encode: encodeFrame,
  write(socket, first, payload) {
    if (echo.listensTo(socket.data)) send(socket.data.outbox, socket, echo.encode(first, payload));
  },
  end(socket) {
    socket.data.closing = true;
    socket.shutdown();
  },
  fail(socket, code) {
    if (socket.data.closing) return;
    echo.write(socket, FIN | opcodes.close, closePayload(code));
    socket.data.closing = true;
    socket.shutdown();
  },
  ended: (socket) => void socket.shutdown(),
});
