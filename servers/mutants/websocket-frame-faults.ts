/** What can be wrong with how a WebSocket echo reads and writes frames: headers, fragments, control frames (RFC 6455 5). */
import { createFrameBuffer, encodeFrame, isFinal, opcodeOf, opcodes } from "../../protocols/websocket.ts";
import { type Faults, without } from "./fault.ts";
import type { Frames, WsConnection, WsSocket } from "./websocket-frames.ts";

/** These rules are not looked at. */
const withoutRules =
  (...names: string[]) =>
  ({ frameRules }: Frames): Partial<Frames> => ({ frameRules: without(frameRules, ...names) });

/** One more rule fails a connection with this code. */
const failingWith =
  (code: number, broken: Frames["frameRules"][string]) =>
  ({ faultOf }: Frames): Partial<Frames> => ({
    faultOf: (...header) => (broken(...header) ? code : faultOf(...header)),
  });

/** Headers, lengths, masks. */
const framingFaults = {
  masks: {
    words: "the server's frames are masked",
    fails: "2.28",
    change: () => ({ encode: (first, payload) => encodeFrame(first, payload, 77) }),
  },
  "long-lengths": {
    words: "the server writes each length in eight bytes",
    fails: "2.29",
    change: () => ({
      encode(first, payload) {
        const header = Buffer.alloc(10);
        header.set([first, 127]);
        header.writeBigUInt64BE(BigInt(payload.length), 2);
        return Buffer.concat([header, payload]);
      },
    }),
  },
  "one-frame-a-read": {
    words: "of the frames of a read only the first is taken",
    fails: "2.25 2.26 3.1-14 3.22-24 4.6 4.8 5.7 7.20-22 8.25",
    change({ receiveFrames, frame }) {
      let taken = 0;
      return {
        receiveFrames(socket, bytes) {
          taken = 0;
          receiveFrames(socket, bytes);
        },
        frame: (...one) => void (taken++ > 0 || frame(...one)),
      };
    },
  },
  "one-read-frame": {
    words: "a frame must come in one read",
    fails: "2.6 2.7 2.16 2.17 2.20-24 2.27 2.29 4.5",
    change: ({ receiveFrames }) => ({
      receiveFrames(socket, bytes) {
        socket.data.frames = createFrameBuffer();
        receiveFrames(socket, bytes);
      },
    }),
  },
  "first-mask": {
    words: "all frames are unmasked with the first one's key",
    fails: "2.31",
    change({ frame }) {
      const masks = new Map<WsSocket, number>();
      return {
        frame(socket, header, payload) {
          const mask = masks.get(socket) ?? header.mask;
          masks.set(socket, mask);
          const wrong = payload.map((byte, i) => byte ^ (((header.mask ^ mask) >>> ((i % 4) * 8)) & 255));
          frame(socket, header, Buffer.from(wrong));
        },
      };
    },
  },
  "no-zero-mask": {
    words: "a mask of zeros fails the connection",
    fails: "2.30",
    change: failingWith(1002, ({ masked, mask }) => masked && mask === 0),
  },
  "length-16": {
    words: "a length in eight bytes is not understood",
    fails: "2.7 2.17 2.27",
    change: () => ({ frameBytes: 65_535 }),
  },
  "up-to-125": {
    words: "a length over 125 fails the connection",
    fails: "2.4-7 2.14-17 2.27 2.29 3.8 4.10-12",
    change: failingWith(1009, ({ payloadBytes }) => payloadBytes > 125),
  },
  "takes-long-forms": {
    words: "a length in more bytes than it needs is taken",
    fails: "2.32 2.33",
    change: withoutRules("long form"),
  },
  "ignores-length": {
    words: "a length above 2^63 is waited for",
    fails: "2.34",
    change: () => ({ frameBytes: Number.MAX_VALUE }),
  },
  "takes-reserved-bits": {
    words: "reserved bits are not looked at",
    fails: "5.1-7",
    change: withoutRules("reserved"),
  },
  "takes-reserved-opcodes": {
    words: "an opcode that is not defined is passed over",
    fails: "5.10-19",
    change: withoutRules("opcode"),
  },
  "takes-unmasked": {
    words: "a frame without a mask is taken",
    fails: "6.1-5",
    change: withoutRules("mask"),
  },
  "keeps-everything": {
    words: "what waits for a peer that does not read has no bound",
    fails: "9.1",
    change: () => ({ queueBytes: 1e9 }),
  },
  silent: {
    words: "after the handshake nothing is ever sent",
    fails:
      "1.28 2.1-7 2.11-17 2.20-34 3.1-14 3.20-27 4.1-8 4.10-12 5.1-7 5.10-19 6.1-5 7.1-8 7.10-18 7.20-23 8.1-3 8.5-22 8.25 8.30-41",
    change: () => ({ write() {} }),
  },
} as const satisfies Faults<Frames>;

const fragmentFaults = {
  "no-fragments": {
    words: "each fragment is a message of its own",
    fails: "3.1-14 3.20-24 7.20",
    change: (right) => ({ ...withoutRules("orphan", "new in old")(right), endsMessage: () => true }),
  },
  "last-fragment": {
    words: "of the fragments only the last one is kept",
    fails: "3.1 3.2 3.4 3.5 3.7-14 7.20",
    change: ({ part }) => ({
      part(socket, ...fragment) {
        socket.data.parts = [];
        part(socket, ...fragment);
      },
    }),
  },
  "type-of-last": {
    words: "a message in fragments is always text",
    fails: "3.8 3.12",
    change: ({ finish }) => ({
      finish: (socket, opcode) => finish(socket, socket.data.parts.length > 1 ? opcodes.text : opcode),
    }),
  },
  "few-fragments": {
    words: "a message of more than fifty fragments fails the connection",
    fails: "3.14",
    change: failingWith(1009, (_header, { parts }) => parts.length > 50),
  },
  "echoes-fragments": {
    words: "each fragment comes back before the message is whole",
    fails: "3.9 3.10 3.13 7.21 7.22",
    change: ({ part, write }) => ({
      part(socket, first, payload) {
        const { data } = socket;
        if (isFinal(first) && data.opcode === 0) return part(socket, first, payload);
        write(socket, first, payload);
        data.opcode = isFinal(first) ? 0 : opcodeOf(first) || data.opcode;
      },
    }),
  },
  "takes-orphans": {
    words: "a continuation of nothing is taken for a message",
    fails: "3.20-22",
    change: withoutRules("orphan"),
  },
  "takes-new-in-old": {
    words: "a new message before the last fragment drops the old one",
    fails: "3.23 3.24",
    change: withoutRules("new in old"),
  },
} as const satisfies Faults<Frames>;

const inMessage = ({ data }: WsSocket) => data.opcode !== 0;

const controlFaults = {
  "late-pong": {
    words: "a ping between fragments is answered after the message",
    fails: "3.9 3.10 3.13",
    change({ pong, finish }) {
      const late = new Map<WsConnection, Buffer[]>();
      return {
        pong(socket, payload) {
          if (inMessage(socket)) late.set(socket.data, [...(late.get(socket.data) ?? []), payload]);
          else pong(socket, payload);
        },
        finish(socket, opcode) {
          finish(socket, opcode);
          for (const payload of late.get(socket.data) ?? []) pong(socket, payload);
          late.delete(socket.data);
        },
      };
    },
  },
  "pings-are-text": {
    words: "a ping between fragments becomes part of the message",
    fails: "3.9 3.10 3.13",
    change: ({ pong }) => ({
      pong: (socket, payload) =>
        inMessage(socket) ? void socket.data.parts.push(payload) : pong(socket, payload),
    }),
  },
  "takes-cut-control": {
    words: "a control frame without FIN is taken",
    fails: "3.25-27",
    change: withoutRules("cut control"),
  },
  "no-pong": {
    words: "a ping is not answered",
    fails: "3.9 3.10 3.13 4.1-6 4.8",
    change: () => ({ pong() {} }),
  },
  "empty-pong": {
    words: "a pong is always empty",
    fails: "3.9 3.10 4.2-6 4.8",
    change: ({ pong }) => ({ pong: (socket) => pong(socket, Buffer.alloc(0)) }),
  },
  "text-pong": {
    words: "the payload of a pong is decoded and encoded again",
    fails: "4.4",
    change: ({ pong }) => ({ pong: (socket, payload) => pong(socket, Buffer.from(payload.toString())) }),
  },
  "closes-at-pong": {
    words: "a pong that nobody asked for fails the connection",
    fails: "3.11 4.7",
    change: ({ control, fail }) => ({
      control: (socket, opcode, payload) =>
        opcode === opcodes.pong ? fail(socket, 1002) : control(socket, opcode, payload),
    }),
  },
  "takes-long-control": {
    words: "a control frame over 125 bytes is taken",
    fails: "4.10-12",
    change: withoutRules("long control"),
  },
} as const satisfies Faults<Frames>;

export const frameFaults = {
  ...framingFaults,
  ...fragmentFaults,
  ...controlFaults,
} as const satisfies Faults<Frames>;
