/** Text is UTF-8 (RFC 6455 8.1): valid text is echoed, any other fails the connection with 1007. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import { message } from "../ws-peer.ts";
import { echoes, failsWith, type RfcRule } from "./rules.ts";

const { text, binary, continuation } = opcodes;

const valid: RfcRule[] = (
  [
    ["7.1", "two-byte characters", "Grüße, κόσμε"],
    ["7.2", "three-byte characters", "日本語 €"],
    ["7.3", "four-byte characters", "🦊𝄞"],
    [
      "7.4",
      "first and last character of each length",
      "\u0001\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}",
    ],
    ["7.5", "both ends of the surrogate gap", "\ud7ff\ue000"],
    ["7.6", "noncharacters", "\ufdd0\ufffe\u{1fffe}"],
    ["7.7", "a byte order mark", "\ufeffmarked"],
    ["7.8", "NUL", "a\0b"],
  ] as const
).map(([number, title, payload]) =>
  echoes(number, "8.1", title, "Valid UTF-8 text MUST be echoed unchanged.", payload),
);

const hex = (digits: string) => Buffer.from(digits.replace(/ /g, ""), "hex");

const invalid: RfcRule[] = (
  [
    ["7.10", "a lone continuation byte", "80"],
    ["7.11", "an overlong slash", "c0 af"],
    ["7.12", "an overlong three-byte sequence", "e0 80 80"],
    ["7.13", "a surrogate", "ed a0 80"],
    ["7.14", "beyond U+10FFFF", "f4 90 80 80"],
    ["7.15", "bytes that never occur in UTF-8", "ff fe"],
    ["7.16", "a truncated character", "61 e2 82"],
    ["7.17", "a five-byte sequence", "f8 88 80 80 80"],
    ["7.18", "valid text, then invalid bytes", "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80"],
  ] as const
).map(([number, title, digits]) => ({
  number,
  section: "8.1",
  title,
  requirement: "A text message that is not valid UTF-8 MUST fail the connection.",
  level: "MUST",
  ends: failsWith(1007),
  run: async (alice) => alice.send(FIN | text, hex(digits)),
}));

const others: RfcRule[] = [
  {
    number: "7.20",
    section: "8.1",
    title: "a character split across fragments",
    requirement: "A character split across two fragments MUST be accepted: text is validated as a whole.",
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
    title: "invalid UTF-8 across fragments",
    requirement: "Fragments that together are not valid UTF-8 MUST fail the connection.",
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
    title: "a truncated character in the last fragment",
    requirement: "A fragmented text message that ends inside a character MUST fail the connection.",
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
    title: "invalid UTF-8 in a binary message",
    requirement: "A binary message MUST NOT be validated as text.",
    level: "MUST",
    async run(alice) {
      alice.send(FIN | binary, hex("ff fe ed a0 80"));
      await message(alice, binary, hex("ff fe ed a0 80"));
    },
  },
];

export const utf8: RfcRule[] = [...valid, ...invalid, ...others];
