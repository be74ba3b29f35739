/** Who hears what, and in which order. */
import { sleep } from "../peer.ts";
import { Unsupported } from "../violation.ts";
import { newTopic } from "./connection.ts";
import type { Room } from "./room.ts";
import { inRoom, type Rule } from "./rule.ts";

const IN_ORDER = 60;
const EACH = 9;

/** Whether a topic makes a difference, on the wire or to `open`. */
function usesTopics({ protocol, members }: Room): boolean {
  const said = (topic: string) => {
    const { sendPrefix, sendSuffix } = protocol.room!(1, topic);
    return Buffer.concat([sendPrefix, sendSuffix]);
  };
  return !said("a").equals(said("b")) || members.some(({ hears }) => hears.usedTopic);
}

export const audience: Rule[] = [
  {
    number: "3.1",
    title: "five members, each of whom speaks",
    requirement: "Messages of every member MUST be relayed to every other one, exactly once.",
    level: "MUST",
    follows: "room",
    run: inRoom(async (room) => {
      for (const member of await room.enter(5)) await room.tell(member);
      await room.quiet();
    }),
  },
  {
    number: "3.2",
    title: "alone in the room",
    requirement: "A member MUST be sent its own messages where echoesToSender says so, and else MUST NOT.",
    level: "MUST",
    follows: "promises.echoesToSender",
    run: inRoom(async (room) => {
      const [alice] = await room.enter(1);
      await room.tell(alice);
      await room.quiet();
      await room.join();
      await room.tell(alice);
      await room.quiet();
    }),
  },
  {
    number: "3.3",
    title: "another topic",
    requirement: "A message MUST NOT reach the members of another topic.",
    level: "MUST",
    follows: "open",
    run: inRoom(async (room) => {
      const [alice, bob] = await room.enter(2);
      if (!usesTopics(room)) throw new Unsupported("neither open nor room uses the topic: there is one room");
      const topic = newTopic();
      const carol = await room.join({ topic });
      const dave = await room.join({ topic });
      for (const member of [alice, carol, bob, dave]) await room.tell(member);
      await room.quiet();
    }),
  },
  {
    number: "3.4",
    title: "order of a sender's messages",
    requirement: "Messages of one sender MUST arrive in the order in which it sent them.",
    level: "MUST",
    follows: "promises.ordered",
    run: inRoom(async (room) => {
      const { ordered, mayLose } = room.protocol.promises;
      if (!ordered) throw new Unsupported("promises.ordered is false");
      const [alice] = await room.enter(3);
      const all = Array.from({ length: IN_ORDER }, () => room.message(alice));
      for (const [i, message] of all.entries()) {
        room.say(message);
        if (i % 10 === 9) await sleep(1);
      }
      if (!mayLose) await room.heard(...all);
      await room.quiet();
    }),
  },
  {
    number: "3.5",
    title: "two senders at once",
    requirement: "When two members speak at once, the messages of each MUST arrive whole.",
    level: "MUST",
    follows: "room",
    run: inRoom(async (room) => {
      const [alice, bob] = await room.enter(3);
      await room.delivers(() =>
        Array.from({ length: EACH }, () => {
          const both = [room.message(alice), room.message(bob)];
          for (const message of both) room.say(message);
          return both;
        }).flat(),
      );
      await room.quiet();
    }),
  },
  {
    number: "3.6",
    title: "after a member has left",
    requirement: "After a member has left, the others MUST still hear each other.",
    level: "MUST",
    follows: "room",
    run: inRoom(async (room) => {
      const [alice, bob, carol] = await room.enter(3);
      room.leave(bob);
      for (let i = 0; i < 3; i++) await room.tell(alice);
      await room.tell(carol);
      await room.quiet();
    }),
  },
];
