/** A member that is slow, gone or wrong costs its own connection and nothing else. */
import { seededRandom } from "../../platform/random.ts";
import { sleep } from "../peer.ts";
import { Violation } from "../violation.ts";
import type { Member, Room } from "./room.ts";
import { inRoom, needsStream, type Rule } from "./rule.ts";

/** More than the kernel holds for one who does not read: tcp_wmem is 4 MiB, and its own buffer small. */
const FLOOD_BYTES = 8_000_000;
/** Of a message in a flood: at most so many, and what every room should take where nothing is promised. */
const MOST_BYTES = 50_000;
const USUAL_BYTES = 1000;
/** In flight at once: one who reads never falls behind by more. */
const WINDOW_BYTES = 65_536;
const FLOOD_MS = 8000;
const SMALL_BUFFER = 4096;
const GARBAGE_BYTES = 5000;

/** Speaks until far more has been said than one who does not read can have been sent. */
async function flood(room: Room, author: Member): Promise<void> {
  const { wholeUpTo = USUAL_BYTES, mayLose } = room.protocol.promises;
  const size = Math.min(wholeUpTo, MOST_BYTES);
  const some = () =>
    Array.from({ length: Math.max(1, Math.floor(WINDOW_BYTES / size)) }, () => room.message(author, size));
  const deadline = performance.now() + FLOOD_MS;
  for (let said = 0; said < FLOOD_BYTES && performance.now() < deadline; said += WINDOW_BYTES) {
    const messages = some();
    room.say(...messages);
    if (mayLose) await sleep(1);
    else await room.heard(...messages);
  }
}

export const others: Rule[] = [
  {
    number: "4.1",
    title: "a connection reset",
    requirement: "A connection reset MUST NOT affect the other members.",
    level: "MUST",
    follows: "room",
    run: inRoom(async (room) => {
      needsStream(room.protocol);
      const [, bob, carol] = await room.enter(3);
      room.leave(bob, "reset");
      await room.tell(carol);
      await room.quiet();
    }),
  },
  {
    number: "4.2",
    title: "messages before a FIN",
    requirement: "Messages that arrive before a FIN MUST be relayed even though their sender has left.",
    level: "MUST",
    follows: "room",
    ends: "any",
    run: inRoom(async (room) => {
      needsStream(room.protocol);
      await room.enter(2);
      await room.delivers(async () => {
        const guest = await room.join();
        room.leave(guest, "stay");
        const farewell = [room.message(guest), room.message(guest)];
        room.say(...farewell);
        const { peer } = guest.speaks;
        if (peer.kind === "tcp") peer.finish();
        return farewell;
      });
      await room.quiet();
    }),
  },
  {
    number: "4.3",
    title: "gone in the middle of a message",
    requirement:
      "What one member sent of a message before it left MUST NOT become part of another's, and SHOULD NOT be relayed.",
    level: "MUST",
    follows: "framing",
    ends: "any",
    run: inRoom(async (room) => {
      needsStream(room.protocol);
      const [alice] = await room.enter(2);
      const halves = [];
      for (const how of ["close", "reset"] as const) {
        const guest = await room.join();
        const whole = room.message(guest, undefined, true);
        const half = Math.floor(whole.said.length / 2);
        const before = room.protocol.room!(whole.body.length, guest.topic).sendPrefix.length;
        // As it would be relayed by whoever takes the end of a stream for the end of a message.
        halves.push(room.message(guest, whole.body.subarray(0, Math.max(0, half - before)), true));
        await guest.speaks.inParts(async (send) => {
          send(whole.said.subarray(0, half));
          await sleep(20);
          room.leave(guest, how);
        });
      }
      await room.tell(alice);
      await room.quiet();
      if (halves.some(({ heardBy }) => heardBy.size > 0))
        throw new Violation("half a message is dropped", "it was relayed", "SHOULD");
    }),
  },
  {
    number: "4.4",
    title: "a member that does not read",
    requirement: "A member that does not read MUST NOT delay the others.",
    level: "MUST",
    follows: "room",
    ends: "any",
    slow: true,
    bound: 20_000,
    run: inRoom(async (room) => {
      needsStream(room.protocol);
      const [alice] = await room.enter(2);
      const slow = await room.join({ receiveBuffer: SMALL_BUFFER });
      const { peer } = slow.hears;
      if (peer.kind === "tcp") peer.stopReading();
      room.leave(slow, "stay");
      await flood(room, alice);
      await room.tell(alice);
    }),
  },
  {
    number: "4.5",
    title: "garbage",
    requirement: "Whatever bytes one client sends, the others MUST still hear each other.",
    level: "MUST",
    follows: "room",
    ends: "any",
    run: inRoom(async (room) => {
      const [alice, bob] = await room.enter(3);
      // Some of it may be messages.
      for (const member of room.members) room.tolerate(member);
      const random = seededRandom(1);
      room.leave(alice, "stay");
      const datagrams = room.protocol.transport === "udp";
      const garbage = Uint8Array.from({ length: datagrams ? 500 : GARBAGE_BYTES }, () => random() * 256);
      alice.speaks.send(garbage);
      await sleep(100);
      room.leave(alice);
      await room.tell(bob);
    }),
  },
];
