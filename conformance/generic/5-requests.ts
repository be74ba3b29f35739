/** Requests and their replies. */
import { sleep } from "../peer.ts";
import { Unsupported } from "../violation.ts";
import { textOf } from "./ledger.ts";
import { asking, needsPipeline, needsStream, oneClient, type Rule, sendByteByByte, sendCut } from "./rule.ts";

const MANY = 100;
const CLIENTS = 10;
export const requests: Rule[] = [
  {
    number: "5.1",
    title: "one request",
    requirement: "A request MUST be answered by its reply, byte for byte, exactly once.",
    level: "MUST",
    follows: "request",
    run: oneClient((clients, alice) => clients.exchange(alice)),
  },
  {
    number: "5.2",
    title: "a request split across two reads",
    requirement: "A request split across two reads MUST be answered once it is complete.",
    level: "MUST",
    follows: "framing",
    run: oneClient(async (clients, alice) => {
      needsStream(clients.protocol);
      for (const part of [0, 0.5, 1])
        await clients.answers(alice, async () => {
          const one = clients.request(alice);
          clients.begin(alice, one);
          const last = one.bytes.length - 1;
          const at = Math.max(1, Math.floor(last * part));
          await sendCut(alice.connection, Buffer.from(one.bytes), at);
          return [one];
        });
    }),
  },
  {
    number: "5.3",
    title: "a request sent byte by byte",
    requirement: "A request MUST be answered once, however many reads it arrives in.",
    level: "MUST",
    follows: "framing",
    run: oneClient(async (clients, alice) => {
      needsStream(clients.protocol);
      await clients.answers(alice, async () => {
        const one = clients.request(alice);
        clients.begin(alice, one);
        await sendByteByByte(alice.connection, Buffer.from(one.bytes));
        return [one];
      });
    }),
  },
  {
    number: "5.4",
    title: "three requests in one write",
    requirement: "Requests that arrive in one read MUST each be answered.",
    level: "MUST",
    follows: "framing",
    run: oneClient(async (clients, alice) => {
      needsStream(clients.protocol);
      needsPipeline(clients.protocol);
      await clients.exchange(alice, 3);
    }),
  },
  {
    number: "5.5",
    title: "two and a half requests in one write",
    requirement:
      "An incomplete request at the end of a read MUST be kept until the rest arrives, and then answered.",
    level: "MUST",
    follows: "framing",
    run: oneClient(async (clients, alice) => {
      needsStream(clients.protocol);
      needsPipeline(clients.protocol);
      await clients.answers(alice, async () => {
        const three = [clients.request(alice), clients.request(alice), clients.request(alice)];
        clients.begin(alice, ...three);
        const bytes = Buffer.concat(three.map((one) => one.bytes));
        const at = bytes.length - Math.ceil(three[2].bytes.length / 2);
        await sendCut(alice.connection, bytes, at);
        return three;
      });
    }),
  },
  {
    number: "5.6",
    title: `${MANY} requests in flight`,
    requirement:
      "Replies MUST name their requests, or come in the order of these, however many are in flight.",
    level: "MUST",
    follows: "request",
    run: oneClient(async (clients, alice) => {
      needsPipeline(clients.protocol);
      const many = Array.from({ length: MANY }, () => clients.request(alice));
      clients.ask(alice, ...many);
      if (!clients.protocol.promises.mayLose) await clients.answered(alice, ...many);
    }),
  },
  {
    number: "5.7",
    title: "one request after another",
    requirement: "Each request of a connection MUST be answered, not only the first.",
    level: "MUST",
    follows: "request",
    run: oneClient(async (clients, alice) => {
      for (let i = 0; i < 20; i++) await clients.exchange(alice);
    }),
  },
  {
    number: "5.8",
    title: `${CLIENTS} clients at once`,
    requirement: "Each client MUST receive the replies to its own requests, and no others.",
    level: "MUST",
    follows: "request",
    run: asking(async (clients) => {
      const all = await Promise.all(Array.from({ length: CLIENTS }, () => clients.join()));
      const each = clients.protocol.requests?.oneAtATime ? 1 : 5;
      await Promise.all(all.map((client) => clients.exchange(client, each)));
      await clients.quiet();
    }),
  },
  {
    number: "5.9",
    title: "halves of two clients",
    requirement: "Half a request of one client MUST NOT become part of another's.",
    level: "MUST",
    follows: "framing",
    run: asking(async (clients) => {
      needsStream(clients.protocol);
      const [alice, bob] = [await clients.join(), await clients.join()];
      const one = clients.request(alice);
      clients.begin(alice, one);
      const half = Math.floor(one.bytes.length / 2);
      await alice.connection.inParts(async (send) => {
        send(one.bytes.subarray(0, half));
        await sleep(20);
        await clients.exchange(bob);
        send(one.bytes.subarray(half));
      });
      await clients.answered(alice, one);
      await clients.quiet();
    }),
  },
  {
    number: "5.10",
    title: "the same body under three ids",
    requirement: "Each of several equal requests MUST be answered under its own id.",
    level: "MUST",
    follows: "request.byId",
    run: oneClient(async (clients, alice) => {
      if (!clients.protocol.requests?.named)
        throw new Unsupported("request.byId is not true: replies do not name their requests");
      needsPipeline(clients.protocol);
      const body = textOf("same", 64);
      await clients.answers(alice, () => {
        const three = [0, 1, 2].map(() => clients.request(alice, body));
        clients.ask(alice, ...three);
        return three;
      });
    }),
  },
  {
    number: "5.11",
    title: "requests before a FIN",
    requirement: "Requests that arrive before a FIN SHOULD be answered.",
    level: "SHOULD",
    follows: "request",
    ends: "any",
    run: asking(async (clients) => {
      needsStream(clients.protocol);
      needsPipeline(clients.protocol);
      const alice = await clients.join();
      const two = [clients.request(alice), clients.request(alice)];
      clients.ask(alice, ...two);
      const { peer } = alice.connection;
      if (peer.kind === "tcp") peer.finish();
      await clients.answered(alice, ...two);
    }),
  },
  {
    number: "5.12",
    title: "gone in the middle of a request",
    requirement: "A client that goes in the middle of a request MUST NOT affect the others.",
    level: "MUST",
    follows: "framing",
    ends: "any",
    run: asking(async (clients) => {
      needsStream(clients.protocol);
      const bob = await clients.join();
      for (const how of ["close", "reset"] as const) {
        const guest = await clients.join();
        const { bytes } = clients.request(guest);
        await guest.connection.inParts(async (send) => {
          send(bytes.subarray(0, Math.floor(bytes.length / 2)));
          await sleep(20);
          const { peer } = guest.connection;
          if (how === "close" || peer.kind !== "tcp") peer.close();
          else peer.reset();
        });
      }
      await clients.exchange(bob);
      await clients.exchange(await clients.join());
    }),
  },
];
