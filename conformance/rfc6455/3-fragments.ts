/** Fragmentation (RFC 6455 5.4): a message in several frames, and control frames between them. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import { frame, message, noFrame, type WsPeer } from "../ws-peer.ts";
import { breaks, bytes, type RfcRule } from "./rules.ts";

const { text, binary, continuation, ping, pong, close } = opcodes;

/** The parts as fragments of one message. */
function inFragments(alice: WsPeer, opcode: number, parts: readonly (string | Uint8Array)[]): void {
  parts.forEach((part, i) => {
    const fin = i === parts.length - 1 ? FIN : 0;
    alice.send(fin | (i === 0 ? opcode : continuation), part);
  });
}

const wholes: RfcRule[] = (
  [
    ["3.1", "two fragments", ["Hel", "lo"]],
    ["3.2", "three fragments", ["one ", "two ", "three"]],
    ["3.3", "an empty first fragment", ["", "then text"]],
    ["3.4", "an empty fragment in the middle", ["a", "", "b"]],
    ["3.5", "an empty last fragment", ["text", ""]],
    ["3.6", "only empty fragments", ["", "", ""]],
    ["3.7", "one byte per fragment", [..."letter by letter"]],
  ] as const
).map(([number, title, parts]) => ({
  number,
  section: "5.4",
  title,
  requirement: "The fragments of a message MUST be reassembled into one message.",
  level: "MUST",
  async run(alice) {
    inFragments(alice, text, parts);
    await message(alice, text, parts.join(""));
    await noFrame(alice);
  },
}));

const others: RfcRule[] = [
  {
    number: "3.8",
    section: "5.4",
    title: "a fragmented binary message",
    requirement: "A message MUST have the type of its first fragment.",
    level: "MUST",
    async run(alice) {
      inFragments(alice, binary, [bytes(100), bytes(200), bytes(3)]);
      await message(alice, binary, Buffer.concat([bytes(100), bytes(200), bytes(3)]));
    },
  },
  {
    number: "3.9",
    section: "5.4",
    title: "a ping between fragments",
    requirement: "A ping between fragments MUST be answered before the message is complete.",
    level: "MUST",
    async run(alice) {
      alice.send(text, "be");
      alice.send(FIN | ping, "between");
      await frame(alice, pong, "between");
      alice.send(FIN | continuation, "fore");
      await message(alice, text, "before");
    },
  },
  {
    number: "3.10",
    section: "5.5",
    title: "pings after every fragment",
    requirement: "Control frames between fragments MUST NOT become part of the message.",
    level: "MUST",
    async run(alice) {
      alice.send(text, "a");
      alice.send(FIN | ping, "1");
      alice.send(continuation, "b");
      alice.send(FIN | ping, "2");
      alice.send(FIN | continuation, "c");
      await frame(alice, pong, "1");
      await frame(alice, pong, "2");
      await message(alice, text, "abc");
    },
  },
  {
    number: "3.11",
    section: "5.5.3",
    title: "a pong between fragments",
    requirement: "A pong between fragments MUST NOT change the message.",
    level: "MUST",
    async run(alice) {
      alice.send(text, "un");
      alice.send(FIN | pong, "unasked");
      alice.send(FIN | continuation, "moved");
      await message(alice, text, "unmoved");
    },
  },
  {
    number: "3.12",
    section: "5.4",
    title: "two fragmented messages",
    requirement: "The message after a fragmented one MUST be decoded on its own.",
    level: "MUST",
    async run(alice) {
      inFragments(alice, text, ["first ", "one"]);
      inFragments(alice, binary, [bytes(3), bytes(4)]);
      await message(alice, text, "first one");
      await message(alice, binary, Buffer.concat([bytes(3), bytes(4)]));
    },
  },
  {
    number: "3.13",
    section: "5.4",
    title: "no echo before the last fragment",
    requirement:
      "A message SHOULD NOT be echoed before its last fragment; a pong shows that the first has arrived.",
    level: "SHOULD",
    async run(alice) {
      alice.send(text, "half");
      alice.send(FIN | ping, "");
      await frame(alice, pong, "");
      await noFrame(alice);
      alice.send(FIN | continuation, " and half");
      await message(alice, text, "half and half");
    },
  },
  {
    number: "3.14",
    section: "5.4",
    title: "200 fragments",
    requirement: "A message of 200 fragments MUST be accepted.",
    level: "MUST",
    async run(alice) {
      const parts = Array.from({ length: 200 }, (_, i) => `${i},`);
      inFragments(alice, text, parts);
      await message(alice, text, parts.join(""));
    },
  },
];

const faults: RfcRule[] = [
  breaks(
    "3.20",
    "5.4",
    "a continuation without a message",
    "A continuation frame with no message to continue MUST fail the connection.",
    (alice) => alice.send(FIN | continuation, "orphan"),
  ),
  breaks(
    "3.21",
    "5.4",
    "a non-final continuation without a message",
    "A non-final continuation frame with no message to continue MUST fail the connection.",
    (alice) => alice.send(continuation, "orphan"),
  ),
  breaks(
    "3.22",
    "5.4",
    "a continuation after the last fragment",
    "A continuation frame after the last fragment MUST fail the connection.",
    (alice) => {
      inFragments(alice, text, ["a", "b"]);
      alice.send(FIN | continuation, "c");
    },
  ),
  breaks(
    "3.23",
    "5.4",
    "a text message inside another",
    "A new text message before the last fragment MUST fail the connection.",
    (alice) => {
      alice.send(text, "first");
      alice.send(FIN | text, "second");
    },
  ),
  breaks(
    "3.24",
    "5.4",
    "a binary message inside a text message",
    "A new binary message before the last fragment MUST fail the connection.",
    (alice) => {
      alice.send(text, "first");
      alice.send(FIN | binary, "second");
    },
  ),
  breaks("3.25", "5.4", "a fragmented ping", "A fragmented ping MUST fail the connection.", (alice) =>
    alice.send(ping, "half"),
  ),
  breaks("3.26", "5.4", "a fragmented pong", "A fragmented pong MUST fail the connection.", (alice) =>
    alice.send(pong, "half"),
  ),
  breaks("3.27", "5.4", "a fragmented close", "A fragmented close frame MUST fail the connection.", (alice) =>
    alice.send(close, Uint8Array.of(3, 232)),
  ),
];

export const fragments: RfcRule[] = [...wholes, ...others, ...faults];
