/** Messages: relayed one for one, unchanged, to everyone but their sender. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import { sleep } from "../peer.ts";
import { failsWith } from "../rfc6455/rules.ts";
import { frameOf, message } from "../ws-peer.ts";
import { binary, enter, heardBy, join, quiet, relayed, type WsRule } from "./room.ts";

const { text, continuation } = opcodes;

/** These texts, each in a message of its own, are relayed unchanged. */
const comesThrough = (number: string, title: string, requirement: string, ...words: string[]): WsRule => ({
  number,
  title,
  requirement,
  level: "MUST",
  async run(t) {
    const [alice, bob] = await enter(t, 2);
    for (const word of words) alice.text(word);
    await heardBy([bob], alice, ...words);
    await quiet(bob);
  },
});

export const messages: WsRule[] = [
  {
    number: "1.1",
    title: "one message",
    requirement:
      "A text message MUST be sent to every other client as one text message, [ip:port]: before it, \\n after it.",
    level: "MUST",
    async run(t) {
      const [alice, ...others] = await enter(t, 3);
      alice.text("good morning");
      await heardBy(others, alice, "good morning");
      await quiet(...others);
    },
  },
  {
    number: "1.2",
    title: "no echo to the sender",
    requirement: "The sender of a message MUST NOT receive it back.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      alice.text("not to myself");
      await heardBy([bob], alice, "not to myself");
      await quiet(alice);
    },
  },
  {
    number: "1.3",
    title: "five clients",
    requirement: "Every other client MUST receive exactly one copy.",
    level: "MUST",
    async run(t) {
      const [alice, ...others] = await enter(t, 5);
      alice.text("to you all");
      await heardBy(others, alice, "to you all");
      await quiet(...others);
    },
  },
  comesThrough("1.4", "an empty message", "A message with empty text MUST be relayed.", "", "after it"),
  comesThrough(
    "1.5",
    "other scripts",
    "Text in any script MUST arrive unchanged.",
    "Grüße 日本語 🦊",
    "\u{10ffff}",
  ),
  comesThrough(
    "1.6",
    "newlines",
    "A newline inside a message MUST be relayed: frames delimit messages, newlines do not.",
    "two\nlines",
    "ends\r\n",
  ),
  comesThrough(
    "1.7",
    "markup",
    "Text that looks like markup MUST be relayed unchanged: the page displays it as text.",
    '<script>alert("hi")</script>',
    "a &amp; b < c",
  ),
  comesThrough(
    "1.8",
    "whitespace and control characters",
    "Whitespace and control characters MUST be relayed unchanged.",
    "  two blanks  ",
    "a\0b\tc",
  ),
  {
    number: "1.9",
    title: "three messages in one write",
    requirement: "Messages that arrive in one read MUST be relayed one by one.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      alice.sendRaw(Buffer.concat(["one", "two", "three"].map((word) => frameOf(FIN | text, word))));
      await heardBy([bob], alice, "one", "two", "three");
      await quiet(bob);
    },
  },
  {
    number: "1.10",
    title: "a fragmented message",
    requirement: "A fragmented message MUST be relayed as one message.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      alice.send(text, "in ");
      alice.send(continuation, "three ");
      await sleep(10);
      alice.send(FIN | continuation, "parts");
      await heardBy([bob], alice, "in three parts");
      await quiet(bob);
    },
  },
  {
    number: "1.11",
    title: "order per sender",
    requirement: "Messages from one sender MUST arrive in order, without loss or duplicates.",
    level: "MUST",
    async run(t) {
      const [alice, bob, carol] = await enter(t, 3);
      const words = Array.from({ length: 100 }, (_, i) => `word ${i}`);
      for (const word of words) alice.text(word);
      await heardBy([bob, carol], alice, ...words);
      await quiet(bob, carol);
    },
  },
  {
    number: "1.12",
    title: "the sender's address",
    requirement: "A message MUST carry the address and port of its own sender.",
    level: "MUST",
    async run(t) {
      const [alice, bob, carol] = await enter(t, 3);
      alice.text("a");
      await heardBy([carol], alice, "a");
      bob.text("b");
      await heardBy([carol], bob, "b");
    },
  },
  {
    number: "1.13",
    title: "no history for a new client",
    requirement: "A client that joins MUST NOT receive messages sent before it joined.",
    level: "MUST",
    async run(t) {
      const room = await enter(t, 2);
      const [alice, bob] = room;
      alice.text("before");
      await heardBy([bob], alice, "before");
      const carol = await join(t, room);
      await quiet(carol);
      alice.text("after");
      await heardBy([bob, carol], alice, "after");
    },
  },
  {
    number: "1.14",
    title: "after a client has left",
    requirement: "After a client has left, the remaining clients MUST still receive each other's messages.",
    level: "MUST",
    async run(t) {
      const [alice, bob, carol] = await enter(t, 3);
      bob.tcp.close();
      alice.text("who is left?");
      await heardBy([carol], alice, "who is left?");
      await quiet(alice, carol);
    },
  },
  {
    number: "1.15",
    title: "two senders at once",
    requirement: "When two clients send at once, every message MUST arrive whole.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      const words = (name: string) => Array.from({ length: 9 }, (_, i) => `${name} ${i}`);
      for (let i = 0; i < 9; i++) for (const author of [alice, bob]) author.text(`${author.name} ${i}`);
      await heardBy([bob], alice, ...words("alice"));
      await heardBy([alice], bob, ...words("bob"));
    },
  },
  {
    number: "2.1",
    title: "the longest message",
    requirement: "A message of 65,536 bytes MUST be relayed whole.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      alice.text("m".repeat(65_536));
      await message(bob, text, relayed(alice, "m".repeat(65_536)));
    },
  },
  {
    number: "2.2",
    title: "a message one byte too long",
    requirement: "A message over 64 KiB MUST be rejected with close code 1009.",
    level: "MUST",
    ends: { codes: [1009] },
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      alice.text("m".repeat(65_537));
      await quiet(bob);
    },
  },
  {
    number: "2.3",
    title: "a long fragmented message",
    requirement: "A message over 64 KiB MUST be rejected even if each of its fragments is smaller.",
    level: "MUST",
    ends: { codes: [1009] },
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      alice.send(text, "f".repeat(40_000));
      alice.send(FIN | continuation, "f".repeat(40_000));
      await quiet(bob);
    },
  },
  {
    number: "2.4",
    title: "a binary message",
    requirement: "A binary message MUST be rejected with close code 1003, and MUST NOT be relayed.",
    level: "MUST",
    ends: { codes: [1003] },
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      binary(alice, Uint8Array.of(1, 2, 3));
      await quiet(bob);
    },
  },
  {
    number: "2.5",
    title: "invalid UTF-8",
    requirement: "A text message that is not valid UTF-8 MUST fail the connection, and MUST NOT be relayed.",
    level: "MUST",
    ends: failsWith(1007),
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      alice.send(FIN | text, Uint8Array.of(0x61, 0xff));
      await quiet(bob);
    },
  },
  {
    number: "2.6",
    title: "other clients unaffected",
    requirement: "A client that is rejected MUST NOT affect the other clients.",
    level: "MUST",
    ends: "any",
    async run(t) {
      const [alice, bob, carol] = await enter(t, 3);
      binary(alice, Uint8Array.of(1));
      bob.text("we are fine");
      await heardBy([carol], bob, "we are fine");
    },
  },
];
