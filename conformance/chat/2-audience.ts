/** Who receives what, and in which order. */
import { nothing } from "../expect.ts";
import { sleep } from "../peer.ts";
import type { ChatRule } from "./room.ts";

const words = (who: string, count: number) => Array.from({ length: count }, (_, i) => `${who} ${i}`);

export const audience: ChatRule[] = [
  {
    number: "2.1",
    title: "five clients",
    requirement: "Every intended recipient MUST receive exactly one copy of a message.",
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
    title: "every client sends",
    requirement: "Messages from every client MUST be relayed, not only those of the first or the last one.",
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
    title: "no history for a new client",
    requirement: "A client that joins MUST NOT receive messages sent before it joined.",
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
    title: "after a client has left",
    requirement: "After a client has left, the remaining clients MUST still receive each other's messages.",
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
    title: "order per sender",
    requirement: "Messages from one sender MUST arrive in the order sent, without duplicates.",
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
    title: "two senders at once",
    requirement: "When two clients send at once, the messages of each MUST arrive whole and in order.",
    level: "MUST",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      for (let i = 0; i < 9; i++) {
        chat.say(alice, `alice ${i}`);
        chat.say(bob, `bob ${i}`);
      }
      // Between the messages of two senders no order is promised.
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
    title: "a conversation",
    requirement: "Messages MUST be relayed in both directions over the same connections.",
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
    requirement:
      "A client that sends while alone MUST NOT be disconnected, and receives no message but its own.",
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
