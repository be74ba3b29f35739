/** Long messages, endless ones, and those that never end because their author goes. */
import { type Dialect, MAX_LINE_BYTES } from "../../protocols/chat.ts";
import { closed } from "../expect.ts";
import { sleep } from "../peer.ts";
import type { ChatRule } from "./room.ts";

/** The dialects whose page of the sheet states a limit; elsewhere a bound is only wise. */
const isBounded = ({ promises }: Dialect): boolean => promises?.lineLimit === true;
const isUnbounded = (dialect: Dialect): boolean => !isBounded(dialect);

/** A message of which nothing but its text can be longer than the limit. */
const ofBytes = (bytes: number) => "abcdefghijklmno\u00e9".repeat(Math.ceil(bytes / 17)).slice(0, bytes);

export const limits: ChatRule[] = [
  {
    number: "3.1",
    title: "longer than a usual buffer",
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
    requirement: "A line over 65,536 bytes MUST end its author's connection, and MUST NOT be relayed.",
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
    title: "a line that never ends",
    requirement:
      "A line without end MUST NOT be gathered past its limit: the connection closes before its end comes.",
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
    title: "a message that never ends",
    requirement: "A message without end SHOULD NOT be gathered without bound.",
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
    title: "the others do not suffer",
    requirement: "One whose message is too long MUST cost the others nothing.",
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
    title: "a message cut off by FIN",
    requirement: "What has come of a message when its author's FIN comes MUST be dropped.",
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
    title: "text of many bytes a character",
    requirement: "The text of a long message MUST come with every byte of its characters.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, ofBytes(30_000));
      await chat.heard(alice, [ofBytes(30_000)]);
    },
  },
];
