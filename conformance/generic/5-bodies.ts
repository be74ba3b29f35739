/** Bodies of requests at their edges, and a client who takes no replies. */
import type { Protocol } from "../../protocols/protocol.ts";
import { until } from "../peer.ts";
import { Unsupported, Violation } from "../violation.ts";
import { show } from "../wire-log.ts";
import { textOf } from "./ledger.ts";
import type { Asked, Client, Clients } from "./requests.ts";
import { anyBytes, asking, LONG_BYTES, needsPipeline, needsStream, oneClient, type Rule } from "./rule.ts";

/** Requests of one write to a server whose replies are not read, and most bytes of all of them. */
const BLOCK = 200;
const UNREAD_BYTES = 8_000_000;
/** Nothing more is taken when nothing was for so long. */
const STOPPED_MS = 200;
const SMALL_BUFFER = 4096;
/** What stands around the body of a reply is shorter. */
const AROUND_BYTES = 128;

/** Whether these bytes are a reply with the beginning of a body. */
function isCut(
  { requests }: Protocol,
  { connection: { me } }: Client,
  { id }: Asked,
  body: Uint8Array,
  bytes: Buffer,
): boolean {
  for (let length = Math.max(1, bytes.length - AROUND_BYTES); length < body.length; length++) {
    if (length > bytes.length) return false;
    if (bytes.equals(requests!.echo!(id, body.subarray(0, length), me).reply)) return true;
  }
  return false;
}

/** Asks what may be refused: by a unit that is no reply, by silence, or by the end of the connection. */
async function askDoubtful(clients: Clients, body: Uint8Array): Promise<void> {
  const [alice, bob] = [await clients.join(), await clients.join()];
  const request = clients.request(alice, body);
  alice.tolerant = true;
  clients.ask(alice, request);
  await clients.quiet();
  // What comes of it from now on is no reply to the next one.
  if (!request.answered) alice.inFlight.length = 0;
  if (alice.connection.peer.ended === "open") await clients.exchange(alice);
  await clients.exchange(bob);
  await clients.quiet();
  const cut = alice.others.find((bytes) => isCut(clients.protocol, alice, request, body, bytes));
  if (cut)
    throw new Violation(
      `alice receives a reply with all ${body.length} bytes, or none`,
      `received ${show(cut)}`,
    );
  const what = `a request of ${body.length} bytes`;
  clients.t.found(request.answered ? `${what} is answered` : `${what} is not answered`);
}

/** Sends requests whose replies nobody reads, until the server takes no more. */
async function askWithoutReading(clients: Clients, { connection: { peer, send } }: Client, block: Buffer) {
  if (peer.kind !== "tcp") return;
  peer.stopReading();
  for (let said = 0; said < UNREAD_BYTES && peer.ended === "open" && !clients.t.over; said += block.length) {
    send(block);
    if (!(await until(peer, STOPPED_MS, () => peer.allSent() || peer.ended !== "open"))) return;
  }
}

export const bodies: Rule[] = [
  {
    number: "5.13",
    title: "a long request",
    requirement: `A request of ${LONG_BYTES} bytes MUST be answered whole or not at all, and not affect others.`,
    level: "MUST",
    follows: "request",
    ends: "any",
    run: asking((clients) => askDoubtful(clients, textOf("long", LONG_BYTES))),
  },
  {
    number: "5.14",
    title: "an empty request",
    requirement:
      "A request with an empty body MUST be answered with it or not at all, and not affect the next one.",
    level: "MUST",
    follows: "request",
    ends: "any",
    run: asking((clients) => askDoubtful(clients, new Uint8Array(0))),
  },
  {
    number: "5.15",
    title: "every byte",
    requirement: "A request with all bytes from 0 to 255 MUST be answered with them.",
    level: "MUST",
    follows: "promises.binary",
    run: oneClient(async (clients, alice) => {
      if (!clients.protocol.promises.binary)
        throw new Unsupported("promises.binary is not true: a body is text");
      await clients.answers(alice, () => {
        const one = clients.request(alice, anyBytes());
        clients.ask(alice, one);
        return [one];
      });
    }),
  },
  {
    number: "5.16",
    title: "a client that does not read",
    requirement: "A client that does not read its replies MUST NOT delay the others.",
    level: "MUST",
    follows: "request",
    ends: "any",
    slow: true,
    run: asking(async (clients) => {
      needsStream(clients.protocol);
      needsPipeline(clients.protocol);
      const slow = await clients.join({ receiveBuffer: SMALL_BUFFER });
      const bob = await clients.join();
      const block = Buffer.concat(Array.from({ length: BLOCK }, () => clients.request(slow).bytes));
      await askWithoutReading(clients, slow, block);
      for (let i = 0; i < 5; i++) await clients.exchange(bob);
    }),
  },
];
