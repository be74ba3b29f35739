/** Framing: messages stay whole wherever the stream is split, since a read is not a message. */
import type { Dialect } from "../../protocols/chat.ts";
import type { TcpPeer } from "../peer.ts";
import { sleep } from "../peer.ts";
import type { Chat, ChatRule } from "./room.ts";

/** Long enough that two writes arrive as two reads. */
const APART_MS = 60;
const byLines = ({ units }: Dialect): boolean => units === "lines";

async function sendSplit({ said }: Chat, author: TcpPeer, text: string, at: number): Promise<void> {
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
    requirement: "A message MUST reach every intended recipient exactly once, byte for byte.",
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
    title: "a message split across two reads",
    requirement: "A message split across two reads MUST be relayed as one message, once it is complete.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      await sendSplit(chat, alice, "split in the middle", chat.said("split in").length);
      await chat.heard(alice, ["split in the middle"]);
      await chat.quiet();
    },
  },
  {
    number: "1.3",
    title: "a message without its last byte",
    requirement: "A message MUST NOT be relayed before its last byte has arrived.",
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
    title: "a message sent byte by byte",
    requirement: "A message MUST be relayed as one message, however many reads it arrives in.",
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
    requirement: "Messages that arrive in one read MUST be relayed one by one, each in full.",
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
    title: "two and a half messages in one write",
    requirement:
      "An incomplete message at the end of a read MUST be kept until the rest arrives, and then relayed whole.",
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
    title: "a split inside a UTF-8 character",
    requirement:
      "A character split across reads MUST arrive unchanged: the server relays bytes, not characters.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      await sendSplit(chat, alice, "naïve 🦊 fox", chat.said("naïve ").indexOf(0xc3) + 1);
      await chat.heard(alice, ["naïve 🦊 fox"]);
      await sendSplit(chat, alice, "🦊", chat.said("🦊").indexOf(0xf0) + 2);
      await chat.heard(alice, ["🦊"]);
    },
  },
  {
    number: "1.8",
    title: "an empty message",
    requirement: "A message with empty text MUST be relayed.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, "", "after the empty one");
      await chat.heard(alice, ["", "after the empty one"]);
    },
  },
  {
    number: "1.9",
    title: "invalid UTF-8",
    requirement: "Bytes that are not valid UTF-8 SHOULD be relayed unchanged.",
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
    requirement: "NUL, tab, escape and delete inside a message MUST be relayed unchanged.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, "a\x00b\tc\x1b[31md\x7fe");
      await chat.heard(alice, ["a\x00b\tc\x1b[31md\x7fe"]);
    },
  },
  {
    number: "1.11",
    title: "100 messages in one write",
    requirement: "All messages of one write MUST be relayed, in order.",
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
    title: "a message that looks like a notice",
    requirement: "A message that looks like a server notice MUST be relayed like any other.",
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
    title: "leading and trailing whitespace",
    requirement: "Whitespace before and after the text MUST be relayed: it is part of the message.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, "  between blanks \t ");
      await chat.heard(alice, ["  between blanks \t "]);
    },
  },
];
