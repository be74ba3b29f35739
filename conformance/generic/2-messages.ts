/** What a room makes of the messages in a stream, and of their bodies. */
import { Unsupported } from "../violation.ts";
import type { Room } from "./room.ts";
import { anyBytes, inRoom, LONG_BYTES, needsStream, type Rule, sendByteByByte, sendCut } from "./rule.ts";

const MANY = 100;
/** No unit is longer, whatever is promised. */
const MAX_BODY_BYTES = 1_000_000;

/** Says what may be refused; whoever says it may be told so, or lose its connection. */
async function sayDoubtful(room: Room, body: Uint8Array | number): Promise<void> {
  const [alice, , carol] = await room.enter(3);
  const message = room.message(alice, body, true);
  room.tolerate(alice);
  room.say(message);
  await room.quiet();
  if (alice.speaks.peer.ended === "open" && alice.hears.peer.ended === "open") await room.tell(alice);
  else room.leave(alice);
  await room.tell(carol);
  await room.quiet();
  const what = `a message of ${message.body.length} bytes`;
  room.t.found(message.heardBy.size > 0 ? `${what} is relayed` : `${what} is not relayed`);
}

export const messages: Rule[] = [
  {
    number: "2.1",
    title: "one message, one write",
    requirement: "A message MUST reach everybody else in the room exactly once, byte for byte.",
    level: "MUST",
    follows: "room",
    run: inRoom(async (room) => {
      const [alice] = await room.enter(3);
      await room.tell(alice);
      await room.quiet();
    }),
  },
  {
    number: "2.2",
    title: "a message split across two reads",
    requirement: "A message split across two reads MUST be relayed as one message, once it is complete.",
    level: "MUST",
    follows: "framing",
    run: inRoom(async (room) => {
      needsStream(room.protocol);
      const [alice] = await room.enter(2);
      for (const part of [0, 0.5, 1])
        await room.delivers(async () => {
          const message = room.message(alice);
          const last = message.said.length - 1;
          await sendCut(alice.speaks, message.said, Math.max(1, Math.floor(last * part)));
          return [message];
        });
      await room.quiet();
    }),
  },
  {
    number: "2.3",
    title: "a message sent byte by byte",
    requirement: "A message MUST be relayed as one message, however many reads it arrives in.",
    level: "MUST",
    follows: "framing",
    run: inRoom(async (room) => {
      needsStream(room.protocol);
      const [alice] = await room.enter(2);
      await room.delivers(async () => {
        const message = room.message(alice);
        await sendByteByByte(alice.speaks, message.said);
        return [message];
      });
      await room.quiet();
    }),
  },
  {
    number: "2.4",
    title: "three messages in one write",
    requirement: "Messages that arrive in one read MUST be relayed one by one, each in full.",
    level: "MUST",
    follows: "framing",
    run: inRoom(async (room) => {
      needsStream(room.protocol);
      const [alice] = await room.enter(2);
      await room.tell(alice, 3);
      await room.quiet();
    }),
  },
  {
    number: "2.5",
    title: "two and a half messages in one write",
    requirement:
      "An incomplete message at the end of a read MUST be kept until the rest arrives, and then relayed whole.",
    level: "MUST",
    follows: "framing",
    run: inRoom(async (room) => {
      needsStream(room.protocol);
      const [alice] = await room.enter(2);
      await room.delivers(async () => {
        const three = [room.message(alice), room.message(alice), room.message(alice)];
        const bytes = Buffer.concat(three.map(({ said }) => said));
        await sendCut(alice.speaks, bytes, bytes.length - Math.ceil(three[2].said.length / 2));
        return three;
      });
      await room.quiet();
    }),
  },
  {
    number: "2.6",
    title: `a burst of ${MANY} messages`,
    requirement: "All messages of a burst MUST be relayed, none of them changed.",
    level: "MUST",
    follows: "room",
    run: inRoom(async (room) => {
      const [alice] = await room.enter(2);
      const burst = Array.from({ length: MANY }, () => room.message(alice));
      room.say(...burst);
      if (!room.protocol.promises.mayLose) await room.heard(...burst);
      await room.quiet();
    }),
  },
  {
    number: "2.7",
    title: "a long message",
    requirement: `A message of ${LONG_BYTES} bytes MUST be relayed whole or not at all, and not affect others.`,
    level: "MUST",
    follows: "room",
    ends: "any",
    run: inRoom((room) => sayDoubtful(room, LONG_BYTES)),
  },
  {
    number: "2.8",
    title: "a message as long as is promised",
    requirement: "A message of wholeUpTo bytes MUST be relayed whole.",
    level: "MUST",
    follows: "promises.wholeUpTo",
    run: inRoom(async (room) => {
      const { wholeUpTo } = room.protocol.promises;
      if (wholeUpTo === undefined)
        throw new Unsupported("promises.wholeUpTo does not say how long a message may be");
      const [alice] = await room.enter(2);
      await room.delivers(() => {
        const message = room.message(alice, Math.min(wholeUpTo, MAX_BODY_BYTES));
        room.say(message);
        return [message];
      });
      await room.quiet();
    }),
  },
  {
    number: "2.9",
    title: "an empty message",
    requirement: "An empty message MUST be relayed as one or not at all, and not affect the next one.",
    level: "MUST",
    follows: "room",
    ends: "any",
    run: inRoom((room) => sayDoubtful(room, Buffer.alloc(0))),
  },
  {
    number: "2.10",
    title: "every byte",
    requirement: "A message of all bytes from 0 to 255 MUST be relayed unchanged.",
    level: "MUST",
    follows: "promises.binary",
    run: inRoom(async (room) => {
      if (!room.protocol.promises.binary)
        throw new Unsupported("promises.binary is not true: a message is text");
      const [alice] = await room.enter(2);
      await room.delivers(() => {
        const message = room.message(alice, anyBytes());
        room.say(message);
        return [message];
      });
      await room.quiet();
    }),
  },
];
