/** Base framing (RFC 6455 5.2): lengths in their three forms, cuts anywhere, masks. */
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
    `a text of ${length} bytes`,
    `A text message of ${length} bytes MUST come back whole.`,
    "*".repeat(length),
  ),
);

const binaries: RfcRule[] = LENGTHS.map((length, i) =>
  echoes(
    `2.${i + 11}`,
    "5.2",
    `${length} binary bytes`,
    `A binary message of ${length} bytes MUST come back whole.`,
    bytes(length),
  ),
);

/** A frame whose length takes more bytes than it needs. */
function longForm(first: number, payload: string, form: 126 | 127): Uint8Array {
  const masked = encodeFrame(first, payload, 0);
  const length = form === 126 ? [0, payload.length] : [0, 0, 0, 0, 0, 0, 0, payload.length];
  return Uint8Array.from([masked[0], 0x80 | form, ...length, ...masked.subarray(2)]);
}

const cuts: RfcRule[] = [
  ["2.20", 1, "its first byte"],
  ["2.21", 2, "its length"],
  ["2.22", 4, "its mask"],
  ["2.23", 9, "its payload"],
].map(([number, at, where]) => ({
  number: String(number),
  section: "5.2",
  title: `a frame cut after ${at} bytes, in or behind ${where}`,
  requirement: "A frame MUST be understood wherever the stream is cut.",
  level: "MUST",
  async run(alice) {
    const whole = frameOf(FIN | opcodes.text, "cut somewhere");
    alice.sendRaw(whole.subarray(0, Number(at)));
    await sleep(25);
    alice.sendRaw(whole.subarray(Number(at)));
    await message(alice, opcodes.text, "cut somewhere");
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
    title: "a frame byte by byte",
    requirement: "A frame MUST be understood in however many reads it comes.",
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
    requirement: "Frames that come in one read MUST all be understood.",
    level: "MUST",
    run: (alice) => echoesAll(alice, words(3)),
  },
  {
    number: "2.26",
    section: "5.2",
    title: "three hundred frames in one write",
    requirement: "However many frames come in one read, all MUST be understood, in their order.",
    level: "MUST",
    run: (alice) => echoesAll(alice, words(300)),
  },
  {
    number: "2.27",
    section: "5.2",
    title: "a long message in small writes",
    requirement: "A message of 65,536 bytes in pieces of 997 bytes MUST come back whole.",
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
      holds(!masked, "a frame without a mask", "its mask bit is set");
    },
  },
  {
    number: "2.29",
    section: "5.2",
    title: "the server's lengths are the shortest",
    requirement: "A server MUST write a length in the fewest bytes that can hold it.",
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
    requirement: "A mask of zeros is a mask as any other and MUST be understood.",
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
    title: "a short length in two bytes",
    requirement: "A length that does not use the fewest bytes SHOULD fail the connection.",
    level: "SHOULD",
    ends: failsWith(1002),
    run: async (alice) => alice.sendRaw(longForm(FIN | opcodes.text, "long form", 126)),
  },
  {
    number: "2.33",
    section: "5.2",
    title: "a short length in eight bytes",
    requirement: "A length of nine in eight bytes SHOULD fail the connection.",
    level: "SHOULD",
    ends: failsWith(1002),
    run: async (alice) => alice.sendRaw(longForm(FIN | opcodes.text, "long form", 127)),
  },
  {
    ...breaks(
      "2.34",
      "5.2",
      "a length above 2^63",
      "A length whose highest bit is set MUST fail the connection.",
      (alice) =>
        alice.sendRaw(Uint8Array.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 0, 0, 0, 0, 0])),
    ),
    ends: failsWith(1002, 1009),
  },
];

export const base: RfcRule[] = [...texts, ...binaries, ...cuts, ...others];
