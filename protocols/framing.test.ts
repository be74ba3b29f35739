import { describe, expect, test } from "bun:test";
import {
  datagram,
  delimiter,
  type Framing,
  FramingFault,
  framed,
  ignore,
  lengthPrefixed,
  lines,
  maskAt,
  masked,
  wsMessage,
} from "./framing.ts";
import { encodeFrame, FIN, opcodes } from "./websocket.ts";

const framings: [string, Framing][] = [
  ["lines()", lines()],
  ['delimiter("\\r\\n")', delimiter("\r\n")],
  ["lengthPrefixed of 1 byte", lengthPrefixed({ bytes: 1 })],
  ["lengthPrefixed of 2 little", lengthPrefixed({ bytes: 2, endian: "little" })],
  ["lengthPrefixed of 4 with itself", lengthPrefixed({ bytes: 4, includesSelf: true })],
  ["wsMessage()", wsMessage()],
];

describe.each(framings)("%s", (_, framing) => {
  const payloads = ["", "a", "hello", "x".repeat(200)].map((text) => Buffer.from(text));
  const units = payloads.map((payload) => framed(framing.heard, payload));
  const stream = new Uint8Array(Buffer.concat([Buffer.from("zz"), ...units]));

  test("finds each unit's end and payload, however much has come", () => {
    let from = 2;
    for (const [i, unit] of units.entries()) {
      const right = from + unit.length;
      for (let to = from; to <= stream.length; to++) {
        const end = framing.end(stream.subarray(0, to), from, to);
        // Before all has come it may be known where it ends.
        if (to < right) expect(end === -1 || end === right).toBe(true);
        else expect(end).toBe(right);
      }
      const [start, stop] = framing.payload(stream, from, right);
      expect(stream.subarray(start, stop)).toEqual(new Uint8Array(payloads[i]));
      from = right;
    }
  });
});

test("a length is written in its byte order, and counts itself where it does", () => {
  const head = (options: Parameters<typeof lengthPrefixed>[0], bytes: number) => [
    ...lengthPrefixed(options).heard(bytes).head,
  ];
  expect(head({ bytes: 4 }, 258)).toEqual([0, 0, 1, 2]);
  expect(head({ bytes: 3, endian: "little" }, 258)).toEqual([2, 1, 0]);
  expect(head({ bytes: 2, includesSelf: true }, 256)).toEqual([1, 2]);
  expect(() => head({ bytes: 1 }, 256)).toThrow("a length of 1 bytes cannot tell 256 bytes");
});

test("a length that is less than its own bytes is a fault", () => {
  const framing = lengthPrefixed({ bytes: 2, includesSelf: true });
  expect(() => framing.end(Uint8Array.of(0, 1, 9), 0, 3)).toThrow(FramingFault);
});

test("bytes are masked in phase, wherever they stand", () => {
  const mask = 0x04030201;
  const whole = masked(new Uint8Array(11), mask);
  for (let at = 0; at < 8; at++)
    expect(masked(new Uint8Array(3), maskAt(mask, at))).toEqual(whole.subarray(at, at + 3));
});

test("a WebSocket's ping is answered, its other control frames are ignored, fragments are not read", () => {
  const { own } = wsMessage();
  expect(own?.(encodeFrame(FIN | opcodes.ping, "x"))).toBeInstanceOf(Uint8Array);
  expect(own?.(encodeFrame(FIN | opcodes.pong, "x"))).toBe(ignore);
  expect(own?.(encodeFrame(FIN | opcodes.text, "x"))).toBeUndefined();
  expect(() => own?.(encodeFrame(opcodes.text, "x"))).toThrow("fragments");
});

test("a datagram is a unit as it is", () => {
  expect(datagram().end(new Uint8Array(5), 0, 5)).toBe(5);
});
