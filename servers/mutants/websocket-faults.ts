/** What can be wrong with a WebSocket echo: its handshake, its frames, and here what it makes of text and of closes. */
import { isUtf8 } from "node:buffer";
import { closePayload, FIN, opcodeOf, opcodes } from "../../protocols/websocket.ts";
import type { Faults } from "./fault.ts";
import { frameFaults } from "./websocket-frame-faults.ts";
import type { Frames, WsSocket } from "./websocket-frames.ts";
import { type Handshake, handshakeFaults } from "./websocket-handshake.ts";

/** The decisions of the whole echo. */
export type WebsocketEcho = Handshake &
  Frames & {
    /** Something has come before the handshake is done. */
    shake: (socket: WsSocket, bytes: Buffer) => void;
  };

const textFaults = {
  "no-utf8-check": {
    words: "text is not looked at",
    fails: "7.10-18 7.21 7.22",
    change: () => ({ mayBe: () => true }),
  },
  "utf8-by-fragment": {
    words: "each fragment of a text must be UTF-8 by itself",
    fails: "7.20",
    change: ({ part, fail }) => ({
      part(socket, first, payload) {
        const isText = (opcodeOf(first) || socket.data.opcode) === opcodes.text;
        if (isText && !isUtf8(payload)) fail(socket, 1007);
        else part(socket, first, payload);
      },
    }),
  },
  "utf8-in-binary": {
    words: "a binary message must be UTF-8 too",
    fails: "2.13-17 2.27 2.31 3.8 7.23",
    change: () => ({ mayBe: (_opcode, message) => isUtf8(message) }),
  },
  "strips-bom": {
    words: "a byte order mark is cut off",
    fails: "7.7",
    change: () => ({ textOf: (text) => Buffer.from(new TextDecoder().decode(text)) }),
  },
  latin: {
    words: "text comes back as if each byte were a character",
    fails: "7.1-7 7.20",
    change: () => ({ textOf: (text) => Buffer.from(text.toString("latin1")) }),
  },
} as const satisfies Faults<Frames>;

const closeFaults = {
  "fails-with-1011": {
    words: "every fault is answered with code 1011",
    fails: "2.32-34 3.20-27 4.10-12 5.1-7 5.10-19 6.1-5 7.10-18 7.21 7.22",
    change: ({ fail }) => ({ fail: (socket) => fail(socket, 1011) }),
  },
  "fails-open": {
    words: "every fault is answered with a close, and the connection stays",
    fails: "2.32-34 3.20-27 4.10-12 5.1-7 5.10-19 6.1-5 7.10-18 7.21 7.22",
    change: ({ write }) => ({
      fail(socket, code) {
        write(socket, FIN | opcodes.close, closePayload(code));
        socket.data.closing = true;
      },
    }),
  },
  "fails-silently": {
    words: "every fault closes the connection without a close frame",
    fails: "2.32-34 3.20-27 4.10-12 5.1-7 5.10-19 6.1-5 7.10-18 7.21 7.22",
    change: ({ end }) => ({ fail: end }),
  },
  "no-close-answer": {
    words: "a close is not answered",
    fails: "8.1-3 8.5-22 8.25 8.30-41",
    change: () => ({ answerClose() {} }),
  },
  "close-always-1001": {
    words: "a close is answered with code 1001, whatever it says",
    fails: "8.1-3 8.5 8.6 8.10 8.12-22 8.25 8.30-41",
    change: () => ({ closeAnswer: () => 1001 }),
  },
  "close-stays": {
    words: "after both closes the connection stays",
    fails: "8.1-22 8.25 8.30-41",
    change: () => ({
      end({ data }) {
        data.closing = true;
      },
    }),
  },
  "close-resets": {
    words: "after both closes the connection is reset",
    fails: "8.4",
    change: () => ({
      end(socket) {
        socket.data.closing = true;
        socket.terminate();
      },
    }),
  },
  "close-code-unchecked": {
    words: "any code of a close is taken",
    fails: "8.30-41",
    change: () => ({ isCloseCode: () => true }),
  },
  "close-few-codes": {
    words: "codes from 3000 on are refused in a close",
    fails: "8.19-22",
    change: ({ isCloseCode }) => ({ isCloseCode: (code) => code < 3000 && isCloseCode(code) }),
  },
  "close-byte": {
    words: "a close of one byte is taken for an empty one",
    fails: "8.5",
    change: ({ closeAnswer }) => ({
      closeAnswer: (payload) => (payload.length === 1 ? undefined : closeAnswer(payload)),
    }),
  },
  "close-reason-unchecked": {
    words: "the reason of a close is not looked at",
    fails: "8.6",
    change: () => ({ isCloseReason: () => true }),
  },
  "close-short-reason": {
    words: "a reason over a hundred bytes is refused",
    fails: "8.3",
    change: ({ isCloseReason }) => ({
      isCloseReason: (reason) => reason.length <= 100 && isCloseReason(reason),
    }),
  },
  "answers-after-close": {
    words: "frames behind a close are answered still",
    fails: "8.7-9",
    change: () => ({
      listensTo: () => true,
      end(socket) {
        socket.data.closing = true;
        setTimeout(() => socket.shutdown(), 30);
      },
    }),
  },
  "fin-stays": {
    words: "a FIN without a close is not answered",
    fails: "8.26",
    change: () => ({ ended() {} }),
  },
} as const satisfies Faults<Frames>;

export const websocketFaults = {
  ...handshakeFaults,
  "echoes-bare-frames": {
    words: "frames are answered without a handshake",
    fails: "1.27",
    change: ({ shake, receiveFrames }) => ({
      shake: (socket, bytes) =>
        bytes[0] === (FIN | opcodes.text) ? receiveFrames(socket, bytes) : shake(socket, bytes),
    }),
  },
  ...frameFaults,
  ...textFaults,
  ...closeFaults,
} as const satisfies Faults<WebsocketEcho>;

export type WebsocketFault = keyof typeof websocketFaults | "none";
