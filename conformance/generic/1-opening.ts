/** How connections come and go. */
import { sleep } from "../peer.ts";
import { Unsupported } from "../violation.ts";
import { clientsIn } from "./requests.ts";
import { roomIn } from "./room.ts";
import { either, needsStream, type Rule } from "./rule.ts";

const AT_ONCE = 20;
const SHORT_LIVED = 20;

export const opening: Rule[] = [
  {
    number: "1.1",
    title: "a connection is let in",
    requirement: "A client that does what open says MUST be let in, and its connection MUST stay.",
    level: "MUST",
    follows: "open",
    async run(t, protocol) {
      if (protocol.room) await roomIn(t, protocol).join();
      if (protocol.requests) await clientsIn(t, protocol).join();
      await sleep(20);
    },
  },
  {
    number: "1.2",
    title: "opening byte by byte",
    requirement:
      "What a client says while it is let in MUST be understood, however many reads it arrives in.",
    level: "MUST",
    follows: "open",
    async run(t, protocol) {
      needsStream(protocol);
      const member = protocol.room
        ? (await roomIn(t, protocol).join({ slowly: true })).speaks
        : (await clientsIn(t, protocol).join({ slowly: true })).connection;
      if (!member.spoke) throw new Unsupported("open says nothing");
    },
  },
  {
    number: "1.3",
    title: `${AT_ONCE} connections at once`,
    requirement: `${AT_ONCE} clients that come at once MUST all be served.`,
    level: "MUST",
    follows: "open",
    run: either(
      async (room) => {
        await Promise.all(Array.from({ length: AT_ONCE }, () => room.open()));
        // All hear the one that joins last, and it hears them.
        await room.join();
        await room.quiet();
      },
      async (clients) => {
        const all = await Promise.all(Array.from({ length: AT_ONCE }, () => clients.join()));
        await Promise.all(all.map((client) => clients.exchange(client)));
        await clients.quiet();
      },
    ),
  },
  {
    number: "1.4",
    title: "short-lived connections",
    requirement: "Connections that close as soon as they are open MUST NOT affect the others.",
    level: "MUST",
    follows: "open",
    async run(t, protocol) {
      needsStream(protocol);
      const come = async () => {
        for (let i = 0; i < SHORT_LIVED; i++) {
          const guest = await t.tcp(`guest${i}`);
          if (i % 2) guest.reset();
          else guest.close();
        }
      };
      await either(
        async (room) => {
          const [alice] = await room.enter(2);
          await come();
          await room.tell(alice);
          await room.quiet();
        },
        async (clients) => {
          const alice = await clients.join();
          await come();
          await clients.exchange(alice);
          await clients.quiet();
        },
      )(t, protocol);
    },
  },
  {
    number: "1.5",
    title: "one that comes again",
    requirement: "A client that has left and comes again MUST be served like any other.",
    level: "MUST",
    follows: "open",
    ends: "any",
    run: either(
      async (room) => {
        const [alice, bob] = await room.enter(2);
        room.leave(bob);
        await room.tell(alice);
        await room.join();
        await room.tell(alice);
        await room.quiet();
      },
      async (clients) => {
        for (let time = 0; time < 3; time++) {
          const client = await clients.join();
          await clients.exchange(client);
          client.connection.peer.close();
        }
      },
    ),
  },
];
