/** Text is UTF-8 (RFC 6455 8.1): what is right comes back, what is not fails the connection with 1007. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import { message } from "../ws-peer.ts";
import { echoes, failsWith, type RfcRule } from "./rules.ts";

const { text, binary, continuation } = opcodes;

const valid: RfcRule[] = (
  [
    ["7.1", "two bytes a character", "Grüße, κόσμε"],
    ["7.2", "three bytes a character", "日本語 €"],
    ["7.3", "four bytes a character", "🦊𝄞"],
    [
      "7.4",
      "the first and the last of each length",
      "\u0001\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}",
    ],
    ["7.5", "both ends of the gap of surrogates", "\ud7ff\ue000"],
    ["7.6", "characters that are none", "\ufdd0\ufffe\u{1fffe}"],
    ["7.7", "a byte order mark", "\ufeffmarked"],
    ["7.8", "NUL", "a\0b"],
  ] as const
).map(([number, title, payload]) =>
  echoes(number, "8.1", title, "A text of valid UTF-8 MUST come back as it was.", payload),
);

const hex = (digits: string) => Buffer.from(digits.replace(/ /g, ""), "hex");

const invalid: RfcRule[] = (
  [
    ["7.10", "a continuation byte alone", "80"],
    ["7.11", "a slash in two bytes", "c0 af"],
    ["7.12", "a character in more bytes than it needs", "e0 80 80"],
    ["7.13", "a surrogate", "ed a0 80"],
    ["7.14", "past the last character", "f4 90 80 80"],
    ["7.15", "bytes that no character has", "ff fe"],
    ["7.16", "a character that is not finished", "61 e2 82"],
    ["7.17", "five bytes a character", "f8 88 80 80 80"],
    ["7.18", "valid text, then an invalid byte", "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80"],
  ] as const
).map(([number, title, digits]) => ({
  number,
  section: "8.1",
  title,
  requirement: "A text that is no valid UTF-8 MUST fail the connection.",
  level: "MUST",
  ends: failsWith(1007),
  run: async (alice) => alice.send(FIN | text, hex(digits)),
}));

const others: RfcRule[] = [
  {
    number: "7.20",
    section: "8.1",
    title: "a character cut by a fragment",
    requirement: "A text is judged as a whole: a character in two fragments MUST be accepted.",
    level: "MUST",
    async run(alice) {
      alice.send(text, hex("f0 9f"));
      alice.send(FIN | continuation, hex("a6 8a"));
      await message(alice, text, "🦊");
    },
  },
  {
    number: "7.21",
    section: "8.1",
    title: "an invalid text in fragments",
    requirement: "A text whose fragments together are no valid UTF-8 MUST fail the connection.",
    level: "MUST",
    ends: failsWith(1007),
    async run(alice) {
      alice.send(text, hex("ed"));
      alice.send(FIN | continuation, hex("a0 80"));
    },
  },
  {
    number: "7.22",
    section: "8.1",
    title: "a last fragment that ends within a character",
    requirement: "A text that ends within a character MUST fail the connection, in fragments too.",
    level: "MUST",
    ends: failsWith(1007),
    async run(alice) {
      alice.send(text, "ok");
      alice.send(FIN | continuation, hex("f0 9f a6"));
    },
  },
  {
    number: "7.23",
    section: "5.6",
    title: "the same bytes in a binary message",
    requirement: "A binary message MUST NOT be judged as text.",
    level: "MUST",
    async run(alice) {
      alice.send(FIN | binary, hex("ff fe ed a0 80"));
      await message(alice, binary, hex("ff fe ed a0 80"));
    },
  },
];

export const utf8: RfcRule[] = [...valid, ...invalid, ...others];
