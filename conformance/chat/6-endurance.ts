/** A room must withstand age, many slow clients, and messages crafted to be slow to parse. */
import { sleep } from "../peer.ts";
import { withSlowReaders } from "./4-liveness.ts";
import type { Chat, ChatRule } from "./room.ts";

const SLOW_READERS = 40;
/** Below the limit of 65,536 with all that a dialect adds, and with each quote escaped. */
const HARD_BYTES = 40_000;

const hardTexts = [
  "a".repeat(HARD_BYTES),
  "1".repeat(HARD_BYTES),
  `a${" ".repeat(HARD_BYTES)}b`,
  ":".repeat(HARD_BYTES),
  "[".repeat(HARD_BYTES),
  '{"":'.repeat(HARD_BYTES / 4),
  '\\"'.repeat(HARD_BYTES / 4),
];
/** Objects as raw bytes, since a text would be escaped. */
const hardObjects = [
  `{"data":"a","x":${"[".repeat(HARD_BYTES / 2)}${"]".repeat(HARD_BYTES / 2)}}`,
  `{"data":"a","x":${'{"":'.repeat(HARD_BYTES / 8)}1${"}".repeat(HARD_BYTES / 8)}}`,
  `{"data"${" ".repeat(HARD_BYTES)}:"a"}`,
];

/** Input that makes patterns backtrack and recursive parsers overflow. */
const hardMessages = (chat: Chat): Buffer[] => [
  ...hardTexts.map(chat.said),
  ...hardObjects.map((object) => Buffer.from(`${object}\n`)),
];

export const endurance: ChatRule[] = [
  {
    number: "6.1",
    title: "a silent connection",
    requirement: "A connection MUST NOT be closed for being silent: the protocol has no idle timeout.",
    level: "MUST",
    times: ["life"],
    async run(chat) {
      const [alice] = await chat.enter(2);
      await sleep(chat.t.time("life"));
      chat.say(alice, "are you still there?");
      await chat.heard(alice, ["are you still there?"]);
    },
  },
  {
    number: "6.2",
    title: "a long-lived connection",
    requirement: "A connection in use MUST NOT be closed, however old it is.",
    level: "MUST",
    times: ["life"],
    async run(chat) {
      const [alice] = await chat.enter(2);
      await chat.t.keepBusy(async (i) => {
        chat.say(alice, `word ${i}`);
        await chat.heard(alice, [`word ${i}`]);
      });
      chat.say(alice, "the last word");
      await chat.heard(alice, ["the last word"]);
    },
  },
  {
    number: "6.3",
    title: "40 clients that do not read",
    requirement: "Forty clients that stop reading at once MUST NOT prevent delivery to the others.",
    level: "MUST",
    slow: true,
    ends: "any",
    bound: 30_000,
    async run(chat) {
      await withSlowReaders(chat, SLOW_READERS);
    },
  },
  {
    number: "6.4",
    title: "messages that are slow to parse",
    requirement: "A message within the size limit MUST NOT delay the other clients, whatever it contains.",
    level: "MUST",
    slow: true,
    ends: "any",
    bound: 30_000,
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      for (const [i, message] of hardMessages(chat).entries()) {
        const guest = await chat.t.tcp(`guest${i}`);
        guest.ignore();
        guest.send(message);
        // It may cost its sender the connection, but must not affect anyone else.
        chat.say(alice, `after message ${i}`);
        await chat.heardAtLast(alice, `after message ${i}`, [alice, bob]);
        guest.close();
      }
    },
  },
];
