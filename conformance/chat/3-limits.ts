/** Long messages, endless ones, and those cut short because their sender leaves. */
import { type Dialect, MAX_LINE_BYTES } from "../../protocols/chat.ts";
import { closed } from "../expect.ts";
import { sleep } from "../peer.ts";
import type { ChatRule } from "./room.ts";

/** The dialects for which the protocol sheet states a limit; elsewhere a bound is only advisable. */
const isBounded = ({ promises }: Dialect): boolean => promises?.lineLimit === true;
const isUnbounded = (dialect: Dialect): boolean => !isBounded(dialect);

/** A text of so many bytes, with characters of two bytes in it. */
const ofBytes = (bytes: number) => "abcdefghijklmno\u00e9".repeat(Math.ceil(bytes / 17)).slice(0, bytes);

export const limits: ChatRule[] = [
  {
    number: "3.1",
    title: "longer than common buffers",
    requirement: "Messages of 1,024, 4,096 and 20,000 bytes MUST be relayed whole.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      for (const bytes of [1023, 1024, 1025, 4096, 20_000]) {
        const text = "x".repeat(bytes);
        chat.say(alice, text);
        await chat.heard(alice, [text]);
      }
    },
  },
  {
    number: "3.2",
    title: "the longest line",
    requirement: "A line of exactly 65,536 bytes MUST be relayed whole.",
    level: "MUST",
    only: isBounded,
    async run(chat) {
      const [alice] = await chat.enter(2);
      const text = "y".repeat(MAX_LINE_BYTES);
      chat.say(alice, text, "still here");
      await chat.heard(alice, [text, "still here"]);
    },
  },
  {
    number: "3.3",
    title: "a line one byte too long",
    requirement: "A line over 65,536 bytes MUST NOT be relayed, and its sender MUST be disconnected.",
    level: "MUST",
    only: isBounded,
    ends: "closed",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      chat.say(alice, "z".repeat(MAX_LINE_BYTES + 1));
      await closed(alice);
      await chat.gone(alice);
      await chat.quiet(bob);
    },
  },
  {
    number: "3.4",
    title: "a line without an end",
    requirement: "A line over 65,536 bytes MUST get its sender disconnected even if no newline has arrived.",
    level: "MUST",
    only: isBounded,
    ends: "closed",
    async run(chat) {
      const [alice] = await chat.enter(2);
      alice.send("e".repeat(MAX_LINE_BYTES + 5000));
      await closed(alice);
    },
  },
  {
    number: "3.5",
    title: "a message without an end",
    requirement: "A client that sends 2 MB of one unfinished message SHOULD be disconnected.",
    level: "SHOULD",
    only: isUnbounded,
    ends: "any",
    async run(chat) {
      const [alice] = await chat.enter(2);
      alice.send(chat.said("e".repeat(2_000_000)).subarray(0, -2));
      await closed(alice);
    },
  },
  {
    number: "3.6",
    title: "other clients unaffected",
    requirement: "A client whose message is too long MUST NOT affect the other clients.",
    level: "MUST",
    ends: "any",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      const tooLong = chat.said("w".repeat(MAX_LINE_BYTES * 2));
      alice.send(tooLong.subarray(0, MAX_LINE_BYTES + 5000));
      alice.close();
      await chat.gone(alice);
      chat.say(bob, "we are fine");
      await chat.heard(bob, ["we are fine"]);
      await chat.quiet(carol);
    },
  },
  {
    number: "3.7",
    title: "a message cut short by FIN",
    requirement: "A message that is incomplete when its sender's FIN arrives MUST NOT be relayed.",
    level: "MUST",
    ends: "any",
    async run(chat) {
      const [alice, bob] = await chat.enter(3);
      alice.send(Buffer.concat([chat.said("whole"), chat.said("half of it").subarray(0, -4)]));
      await sleep(20);
      alice.finish();
      await chat.heard(alice, ["whole"], chat.members.slice(1));
      await chat.gone(alice);
      await chat.quiet(bob);
    },
  },
  {
    number: "3.8",
    title: "a long message of multi-byte characters",
    requirement: "A long message of multi-byte characters MUST arrive with every byte intact.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, ofBytes(30_000));
      await chat.heard(alice, [ofBytes(30_000)]);
    },
  },
];
