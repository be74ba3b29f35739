/** Who hears what, and in which order. */
import { nothing } from "../expect.ts";
import { sleep } from "../peer.ts";
import type { ChatRule } from "./room.ts";

const words = (who: string, count: number) => Array.from({ length: count }, (_, i) => `${who} ${i}`);

export const audience: ChatRule[] = [
  {
    number: "2.1",
    title: "five members",
    requirement: "Every member who is to hear a message MUST get exactly one copy.",
    level: "MUST",
    async run(chat) {
      const [, , carol] = await chat.enter(5);
      chat.say(carol, "to you all");
      await chat.heard(carol, ["to you all"]);
      await chat.quiet();
    },
  },
  {
    number: "2.2",
    title: "everyone speaks in turn",
    requirement: "Every member MUST be heard, not only the first or the last one.",
    level: "MUST",
    async run(chat) {
      for (const member of await chat.enter(4)) {
        chat.say(member, `this is ${member.name}`);
        await chat.heard(member, [`this is ${member.name}`]);
      }
      await chat.quiet();
    },
  },
  {
    number: "2.3",
    title: "no history for the newcomer",
    requirement: "One who enters MUST NOT get what was said before.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, "before");
      await chat.heard(alice, ["before"]);
      const carol = await chat.join();
      await nothing([carol]);
      chat.say(alice, "after");
      await chat.heard(alice, ["after"]);
    },
  },
  {
    number: "2.4",
    title: "one has left",
    requirement: "When a member has left, the others MUST go on hearing one another.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(3);
      bob.close();
      await chat.gone(bob);
      for (const text of ["one", "two", "three"]) chat.say(alice, text);
      await chat.heard(alice, ["one", "two", "three"]);
      await chat.quiet();
    },
  },
  {
    number: "2.5",
    title: "the order of one author",
    requirement: "The messages of one author MUST come in the order in which it sent them, none twice.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(3);
      for (const word of words("alice", 60)) {
        chat.say(alice, word);
        if (word.endsWith("9")) await sleep(1);
      }
      await chat.heard(alice, words("alice", 60));
      await chat.quiet();
    },
  },
  {
    number: "2.6",
    title: "two authors at once",
    requirement: "When two speak at once, each one's messages MUST come whole and in their order.",
    level: "MUST",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      for (let i = 0; i < 9; i++) {
        chat.say(alice, `alice ${i}`);
        chat.say(bob, `bob ${i}`);
      }
      // Bob hears Alice, Alice hears Bob: between the two of them no order is promised.
      if (!chat.dialect.echoes) {
        await chat.heard(alice, words("alice", 9), [bob]);
        await chat.heard(bob, words("bob", 9), [alice]);
      }
      await chat.merged(carol, [
        [alice, words("alice", 9)],
        [bob, words("bob", 9)],
      ]);
      await nothing([carol]);
    },
  },
  {
    number: "2.7",
    title: "question and answer",
    requirement: "A conversation MUST work both ways over the same connections.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      for (let i = 0; i < 5; i++) {
        chat.say(alice, `question ${i}`);
        await chat.heard(alice, [`question ${i}`]);
        chat.say(bob, `answer ${i}`);
        await chat.heard(bob, [`answer ${i}`]);
      }
    },
  },
  {
    number: "2.8",
    title: "alone in the room",
    requirement: "One who speaks with nobody there MUST NOT be closed, and hears no one but itself.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(1);
      chat.say(alice, "is anybody there?");
      if (chat.dialect.echoes) await chat.heard(alice, ["is anybody there?"]);
      await chat.quiet();
      await chat.join();
      chat.say(alice, "now there is");
      await chat.heard(alice, ["now there is"]);
    },
  },
];
