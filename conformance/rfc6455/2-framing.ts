/** Base framing (RFC 6455 5.2): lengths in their three forms, frames split across reads, masks. */
import { encodeFrame, FIN, headerBytes, opcodes } from "../../protocols/websocket.ts";
import { holds } from "../expect.ts";
import { sleep } from "../peer.ts";
import { frameOf, message, nextFrame, type WsPeer } from "../ws-peer.ts";
import { breaks, bytes, echoes, failsWith, type RfcRule } from "./rules.ts";

const LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536];

const texts: RfcRule[] = LENGTHS.map((length, i) =>
  echoes(
    `2.${i + 1}`,
    "5.2",
    `a text message of ${length} bytes`,
    `A text message of ${length} bytes MUST be echoed unchanged.`,
    "*".repeat(length),
  ),
);

const binaries: RfcRule[] = LENGTHS.map((length, i) =>
  echoes(
    `2.${i + 11}`,
    "5.2",
    `a binary message of ${length} bytes`,
    `A binary message of ${length} bytes MUST be echoed unchanged.`,
    bytes(length),
  ),
);

/** A frame with a non-minimal length. */
function longForm(first: number, payload: string, form: 126 | 127): Uint8Array {
  const masked = encodeFrame(first, payload, 0);
  const length = form === 126 ? [0, payload.length] : [0, 0, 0, 0, 0, 0, 0, payload.length];
  return Uint8Array.from([masked[0], 0x80 | form, ...length, ...masked.subarray(2)]);
}

const splits: RfcRule[] = [
  ["2.20", 1, "its first byte"],
  ["2.21", 2, "its length"],
  ["2.22", 4, "half of its mask"],
  ["2.23", 9, "part of its payload"],
].map(([number, at, where]) => ({
  number: String(number),
  section: "5.2",
  title: `a frame split after ${where}`,
  requirement: "A frame MUST be decoded, wherever it is split across reads.",
  level: "MUST",
  async run(alice) {
    const whole = frameOf(FIN | opcodes.text, "split somewhere");
    alice.sendRaw(whole.subarray(0, Number(at)));
    await sleep(25);
    alice.sendRaw(whole.subarray(Number(at)));
    await message(alice, opcodes.text, "split somewhere");
  },
}));

async function echoesAll(alice: WsPeer, all: readonly string[]): Promise<void> {
  alice.sendRaw(Buffer.concat(all.map((text) => frameOf(FIN | opcodes.text, text))));
  for (const text of all) await message(alice, opcodes.text, text);
}

const words = (count: number) => Array.from({ length: count }, (_, i) => `word ${i}`);

const others: RfcRule[] = [
  {
    number: "2.24",
    section: "5.2",
    title: "a frame sent byte by byte",
    requirement: "A frame MUST be decoded, however many reads it arrives in.",
    level: "MUST",
    async run(alice) {
      for (const byte of frameOf(FIN | opcodes.text, "byte by byte")) {
        alice.sendRaw(Uint8Array.of(byte));
        await sleep(0);
      }
      await message(alice, opcodes.text, "byte by byte");
    },
  },
  {
    number: "2.25",
    section: "5.2",
    title: "three frames in one write",
    requirement: "All frames that arrive in one read MUST be decoded.",
    level: "MUST",
    run: (alice) => echoesAll(alice, words(3)),
  },
  {
    number: "2.26",
    section: "5.2",
    title: "300 frames in one write",
    requirement: "All frames that arrive in one read MUST be decoded in order, however many there are.",
    level: "MUST",
    run: (alice) => echoesAll(alice, words(300)),
  },
  {
    number: "2.27",
    section: "5.2",
    title: "a long message in small writes",
    requirement: "A message of 65,536 bytes in writes of 997 bytes MUST be echoed unchanged.",
    level: "MUST",
    async run(alice) {
      const whole = frameOf(FIN | opcodes.binary, bytes(65_536));
      for (let at = 0; at < whole.length; at += 997) {
        alice.sendRaw(whole.subarray(at, at + 997));
        if (at === 997 * 30) await sleep(25);
      }
      await message(alice, opcodes.binary, bytes(65_536));
    },
  },
  {
    number: "2.28",
    section: "5.1",
    title: "the server does not mask",
    requirement: "A server MUST NOT mask a frame.",
    level: "MUST",
    async run(alice) {
      alice.text("bare");
      const { masked } = await nextFrame(alice, "a frame");
      holds(!masked, "an unmasked frame", "its mask bit is set");
    },
  },
  {
    number: "2.29",
    section: "5.2",
    title: "minimal lengths from the server",
    requirement: "A server MUST encode a length in the fewest bytes that can hold it.",
    level: "MUST",
    async run(alice) {
      for (const length of [5, 126, 65_535]) {
        alice.text("s".repeat(length));
        const next = await nextFrame(alice, "a frame");
        const shortest = headerBytes(next.payload.length, next.masked);
        holds(next.headerBytes === shortest, `a header of ${shortest} bytes`, `it has ${next.headerBytes}`);
      }
    },
  },
  {
    number: "2.30",
    section: "5.3",
    title: "a mask of zeros",
    requirement: "A frame with a mask of zeros MUST be decoded like any other.",
    level: "MUST",
    async run(alice) {
      alice.sendRaw(encodeFrame(FIN | opcodes.text, "as good as bare", 0));
      await message(alice, opcodes.text, "as good as bare");
    },
  },
  {
    number: "2.31",
    section: "5.3",
    title: "a new mask for each frame",
    requirement: "Each frame MUST be unmasked with its own key.",
    level: "MUST",
    async run(alice) {
      for (const mask of [0x01020304, -1, 0x7f00ff80]) {
        alice.sendRaw(encodeFrame(FIN | opcodes.binary, bytes(7), mask));
        await message(alice, opcodes.binary, bytes(7));
      }
    },
  },
  {
    number: "2.32",
    section: "5.2",
    title: "a non-minimal 16-bit length",
    requirement: "A length that is not encoded in the fewest bytes SHOULD fail the connection.",
    level: "SHOULD",
    ends: failsWith(1002),
    run: async (alice) => alice.sendRaw(longForm(FIN | opcodes.text, "long form", 126)),
  },
  {
    number: "2.33",
    section: "5.2",
    title: "a non-minimal 64-bit length",
    requirement: "A length of 9 encoded in eight bytes SHOULD fail the connection.",
    level: "SHOULD",
    ends: failsWith(1002),
    run: async (alice) => alice.sendRaw(longForm(FIN | opcodes.text, "long form", 127)),
  },
  {
    ...breaks(
      "2.34",
      "5.2",
      "a length above 2^63",
      "A 64-bit length with its highest bit set MUST fail the connection.",
      (alice) =>
        alice.sendRaw(Uint8Array.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 0, 0, 0, 0, 0])),
    ),
    ends: failsWith(1002, 1009),
  },
];

export const base: RfcRule[] = [...texts, ...binaries, ...splits, ...others];
