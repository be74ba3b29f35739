/** Messages are messages, wherever the stream is cut: a read is not a message. */
import type { Dialect } from "../../protocols/chat.ts";
import type { TcpPeer } from "../peer.ts";
import { sleep } from "../peer.ts";
import type { Chat, ChatRule } from "./room.ts";

/** Long enough that two writes come as two reads. */
const APART_MS = 60;
const byLines = ({ units }: Dialect): boolean => units === "lines";

async function sendCut({ said }: Chat, author: TcpPeer, text: string, at: number): Promise<void> {
  const bytes = said(text);
  author.send(bytes.subarray(0, at));
  await sleep(APART_MS);
  author.send(bytes.subarray(at));
}

const words = (count: number) => Array.from({ length: count }, (_, i) => `word ${i}`);

export const framing: ChatRule[] = [
  {
    number: "1.1",
    title: "one message, one write",
    requirement: "A message MUST reach everyone who is to hear it, byte for byte and once.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(3);
      chat.say(alice, "good morning");
      await chat.heard(alice, ["good morning"]);
      await chat.quiet();
    },
  },
  {
    number: "1.2",
    title: "a message cut in its middle",
    requirement: "A message that comes in two reads MUST be relayed as one, once it is whole.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      await sendCut(chat, alice, "cut in the middle", chat.said("cut in").length);
      await chat.heard(alice, ["cut in the middle"]);
      await chat.quiet();
    },
  },
  {
    number: "1.3",
    title: "a message cut before its last byte",
    requirement: "A message MUST NOT be relayed before the byte that ends it has come.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      const bytes = chat.said("not yet");
      alice.send(bytes.subarray(0, -1));
      await chat.quiet();
      alice.send(bytes.subarray(-1));
      await chat.heard(alice, ["not yet"]);
    },
  },
  {
    number: "1.4",
    title: "a message byte by byte",
    requirement: "A message MUST be relayed as one, however many reads it takes.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      for (const byte of chat.said("slowly")) {
        alice.send(Uint8Array.of(byte));
        await sleep(1);
      }
      await chat.heard(alice, ["slowly"]);
      await chat.quiet();
    },
  },
  {
    number: "1.5",
    title: "three messages in one write",
    requirement: "Messages that come in one read MUST be relayed one by one, each in full form.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, "one", "two", "three");
      await chat.heard(alice, ["one", "two", "three"]);
      await chat.quiet();
    },
  },
  {
    number: "1.6",
    title: "two messages and a half in one write",
    requirement: "What a read holds of a message that is not whole MUST wait for its rest.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      const third = chat.said("third");
      alice.send(Buffer.concat([chat.said("first"), chat.said("second"), third.subarray(0, -3)]));
      await sleep(APART_MS);
      alice.send(third.subarray(-3));
      await chat.heard(alice, ["first", "second", "third"]);
    },
  },
  {
    number: "1.7",
    title: "a cut in the middle of a character",
    requirement: "A cut inside of a character MUST NOT change it: bytes are relayed, not characters.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      await sendCut(chat, alice, "naïve 🦊 fox", chat.said("naïve ").indexOf(0xc3) + 1);
      await chat.heard(alice, ["naïve 🦊 fox"]);
      await sendCut(chat, alice, "🦊", chat.said("🦊").indexOf(0xf0) + 2);
      await chat.heard(alice, ["🦊"]);
    },
  },
  {
    number: "1.8",
    title: "an empty message",
    requirement: "A message without text MUST be relayed as one.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, "", "after the empty one");
      await chat.heard(alice, ["", "after the empty one"]);
    },
  },
  {
    number: "1.9",
    title: "bytes that are no UTF-8",
    requirement: "Bytes that are no UTF-8 SHOULD be relayed as they came.",
    level: "SHOULD",
    only: byLines,
    async run(chat) {
      const [alice] = await chat.enter(2);
      const bytes = Uint8Array.of(0x61, 0xff, 0xfe, 0xc3, 0x28, 0x80, 0x62);
      chat.say(alice, bytes);
      await chat.heard(alice, [bytes]);
    },
  },
  {
    number: "1.10",
    title: "control characters",
    requirement: "NUL, tabulator, escape and delete inside of a message MUST be relayed as they came.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, "a\x00b\tc\x1b[31md\x7fe");
      await chat.heard(alice, ["a\x00b\tc\x1b[31md\x7fe"]);
    },
  },
  {
    number: "1.11",
    title: "a hundred messages in one write",
    requirement: "All messages of one write MUST be relayed, in their order.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, ...words(100));
      await chat.heard(alice, words(100));
      await chat.quiet();
    },
  },
  {
    number: "1.12",
    title: "a message that looks like a server's",
    requirement: "A message that looks like a notice MUST be relayed as any other.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      const texts = ["[Server]: hello", "User:9has left", "[SERVER] Client 9 left the chat.", "Welcome 1"];
      chat.say(alice, ...texts);
      await chat.heard(alice, texts);
    },
  },
  {
    number: "1.13",
    title: "blanks at both ends",
    requirement: "Blanks before and after a text MUST be relayed: they belong to it.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, "  between blanks \t ");
      await chat.heard(alice, ["  between blanks \t "]);
    },
  },
];
