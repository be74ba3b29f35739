import { describe, expect, test } from "bun:test";
import {
  acceptFor,
  applyMask,
  closeCode,
  closePayload,
  createFrameBuffer,
  createKey,
  encodeFrame,
  FIN,
  handshakeRequest,
  headerBytes,
  opcodes,
  readHead,
  splitFrames,
  statusOf,
} from "./websocket.ts";

const LENGTHS = [0, 1, 3, 4, 5, 125, 126, 127, 65_535, 65_536];
const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);

type Seen = { first: number; masked: boolean; header: number; payload: string };

function read(chunks: Uint8Array[], limit = 1_000_000): { seen: Seen[]; ok: boolean } {
  const buffer = createFrameBuffer();
  const seen: Seen[] = [];
  const ok = chunks.every((chunk) =>
    splitFrames(buffer, chunk, limit, (header, bytes, from, to) =>
      seen.push({
        first: header.first,
        masked: header.masked,
        header: header.headerBytes,
        payload: Buffer.from(bytes.subarray(from, to)).toString("hex"),
      }),
    ),
  );
  return { seen, ok };
}

describe("frames", () => {
  test.each(LENGTHS)("a payload of %d bytes comes back as it was, masked and not", (length) => {
    const payload = bytesOf(length);
    for (const mask of [undefined, 0x12345678, -1]) {
      const frame = encodeFrame(FIN | opcodes.binary, payload, mask);
      expect(frame.length).toBe(headerBytes(length, mask !== undefined) + length);
      const { seen } = read([frame]);
      expect(seen).toEqual([
        {
          first: FIN | opcodes.binary,
          masked: mask !== undefined,
          header: frame.length - length,
          payload: Buffer.from(payload).toString("hex"),
        },
      ]);
    }
  });

  test("the RFC's own examples (5.7)", () => {
    const hello = (mask?: number) => Buffer.from(encodeFrame(0x81, "Hello", mask)).toString("hex");
    expect(hello()).toBe("810548656c6c6f");
    expect(hello(0x3d21fa37)).toBe("818537fa213d7f9f4d5158");
    expect(Buffer.from(encodeFrame(0x82, bytesOf(256)).subarray(0, 4)).toString("hex")).toBe("827e0100");
    expect(Buffer.from(encodeFrame(0x82, bytesOf(65_536)).subarray(0, 10)).toString("hex")).toBe(
      "827f0000000000010000",
    );
  });

  test("cut at any byte, or all at once, the same frames are read", () => {
    const stream = () =>
      new Uint8Array(
        Buffer.concat([
          encodeFrame(0x81, "one", 0x01020304),
          encodeFrame(0x89, ""),
          encodeFrame(0x82, bytesOf(130), 7),
          encodeFrame(0x01, "tail"),
        ]),
      );
    const whole = read([stream()]).seen;
    expect(whole.map(({ first }) => first)).toEqual([0x81, 0x89, 0x82, 0x01]);
    for (let cut = 0; cut <= stream().length; cut++)
      expect(read([stream().slice(0, cut), stream().slice(cut)]).seen).toEqual(whole);
    expect(read([...stream()].map((byte) => new Uint8Array([byte]))).seen).toEqual(whole);
  });

  test("a long frame in many pieces is read, and what follows it", () => {
    const stream = Buffer.concat([encodeFrame(0x82, bytesOf(200_000), 99), encodeFrame(0x81, "next")]);
    const pieces = Array.from(
      { length: Math.ceil(stream.length / 999) },
      (_, i) => new Uint8Array(stream.subarray(i * 999, (i + 1) * 999)),
    );
    expect(read(pieces).seen.map(({ payload }) => payload.length / 2)).toEqual([200_000, 4]);
  });

  test("a payload over the limit ends the reading, whole or cut in its header", () => {
    const frame = encodeFrame(0x82, bytesOf(300));
    expect(read([frame], 299)).toEqual({ seen: [], ok: false });
    expect(read([frame.slice(0, 1), frame.slice(1)], 299)).toEqual({ seen: [], ok: false });
    expect(read([frame], 300).ok).toBe(true);
  });

  test("masking touches the given range only", () => {
    const bytes = bytesOf(16);
    applyMask(new DataView(bytes.buffer), 3, 10, 0x55aa55aa);
    expect([...bytes.subarray(0, 3), ...bytes.subarray(10)]).toEqual([
      ...bytesOf(16).subarray(0, 3),
      ...bytesOf(16).subarray(10),
    ]);
    applyMask(new DataView(bytes.buffer), 3, 10, 0x55aa55aa);
    expect(bytes).toEqual(bytesOf(16));
  });
});

test("a close payload is a code and a reason, or nothing", () => {
  expect([...closePayload(1000, "ok")]).toEqual([3, 232, 111, 107]);
  expect(closeCode(closePayload(4999))).toBe(4999);
  expect(closeCode(closePayload())).toBe(1005);
});

describe("handshake", () => {
  test("the RFC's own key gets its own answer (1.3)", () => {
    expect(createKey(Buffer.from("the sample nonce"))).toBe("dGhlIHNhbXBsZSBub25jZQ==");
    expect(acceptFor("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  test("a request can be read back, with fields added and left out", () => {
    const text = handshakeRequest("a:1", "/add", "k", {
      Origin: "http://b",
      "Sec-WebSocket-Version": undefined,
    });
    const head = readHead(Buffer.from(`${text}rest`));
    expect(head?.firstLine).toBe("GET /add HTTP/1.1");
    expect(head?.fields).toEqual({
      host: "a:1",
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-key": "k",
      origin: "http://b",
    });
    expect(head?.end).toBe(text.length);
  });

  test("a head that is not all there is no head; a status that is no number is 0", () => {
    expect(readHead(Buffer.from("HTTP/1.1 101 Switching\r\nA: b\r\n"))).toBeUndefined();
    expect(statusOf(readHead(Buffer.from("HTTP/1.1 101 Switching\r\n\r\n"))!)).toBe(101);
    expect(statusOf(readHead(Buffer.from("SSH-2.0\r\n\r\n"))!)).toBe(0);
  });
});
