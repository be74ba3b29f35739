/**
 * Requests known by their definition alone: clients ask, and each unit that comes is held against what is in flight. Cases
 * only ask, and wait.
 */
import { seededRandom } from "../../platform/random.ts";
import type { PooledRequest, Protocol } from "../../protocols/protocol.ts";
import type { Context } from "../context.ts";
import { differenceOf } from "../expect.ts";
import { until } from "../peer.ts";
import { Unsupported, Violation } from "../violation.ts";
import { show } from "../wire-log.ts";
import { type Connection, newTopic, openConnection, payloadIn } from "./connection.ts";

const NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];
/** So often a request that may be lost is asked, at most. */
const REPEATS = 5;
const QUIET_MS = 120;
/** Of a pool so many places are looked at for one request. */
const MAX_PLACES = 1000;

export type Client = {
  readonly name: string;
  readonly connection: Connection;
  /** Requests that have no reply yet, oldest first, and those that have. */
  readonly inFlight: Asked[];
  readonly answered: Asked[];
  /** Units that are no right reply are kept, and no fault: they may be refusals. */
  tolerant: boolean;
  readonly others: Buffer[];
  asked: number;
};

export type Asked = PooledRequest & { id: number; answered: boolean };

export type Clients = {
  readonly t: Context;
  readonly protocol: Protocol;
  readonly clients: Client[];
  join: (how?: { slowly?: boolean; receiveBuffer?: number }) => Promise<Client>;
  /** A client's next request, not sent yet: no two of a case are equal. */
  request: (client: Client, body?: Uint8Array) => Asked;
  /** Sends these as they are, by one write. */
  ask: (client: Client, ...requests: Asked[]) => void;
  /** Notes that they are being asked, by a write of the case's own. */
  begin: (client: Client, ...requests: Asked[]) => void;
  /** Waits until these have been answered. */
  answered: (client: Client, ...requests: Asked[]) => Promise<void>;
  /** What an attempt asks is answered; where replies may be lost, that of one attempt of several. */
  answers: (client: Client, attempt: () => readonly Asked[] | Promise<readonly Asked[]>) => Promise<void>;
  /** So many requests by one write, and their replies. */
  exchange: (client: Client, count?: number) => Promise<void>;
  /** Nobody receives anything more. */
  quiet: () => Promise<void>;
};

class NotAnswered extends Violation {}

export function clientsIn(t: Context, protocol: Protocol): Clients {
  if (!protocol.requests) throw new Unsupported("the definition has no request");
  const { requests, promises } = protocol;
  let [place, count] = [0, 0];
  const topic = newTopic();
  const all: Clients = {
    t,
    protocol,
    clients: [],
    async join(how = {}) {
      const index = count++;
      const name = NAMES[index] ?? `m${index}`;
      const onUnit = (unit: Buffer) => take(protocol, client, unit);
      const client = {
        name,
        inFlight: [],
        answered: [],
        others: [],
        tolerant: false,
        asked: 0,
      } as unknown as {
        -readonly [K in keyof Client]: Client[K];
      };
      const asked = { name, role: "client" as const, topic, index, onUnit, ...how };
      client.connection = await openConnection(t, protocol, asked);
      all.clients.push(client);
      return client;
    },
    request(client, body) {
      const id = client.asked++;
      const { me } = client.connection;
      if (body) {
        if (!requests.echo) throw new Unsupported("the definition's requests have no body of one's own");
        return { ...requests.echo(id, body, me), id, answered: false };
      }
      for (const end = place + MAX_PLACES; place < end; ) {
        const one = requests.at(place++, id, seededRandom(place), me);
        if (one) return { ...one, id, answered: false };
      }
      throw new Unsupported("the definition has too few requests with a right reply");
    },
    begin: (client, ...asked) => void client.inFlight.push(...asked),
    ask(client, ...asked) {
      all.begin(client, ...asked);
      const units = asked.map(({ bytes }) => bytes);
      // A datagram holds one unit.
      for (const bytes of protocol.transport === "udp" ? units : [Buffer.concat(units)])
        client.connection.send(bytes);
    },
    answered: (client, ...asked) => allAnswered(client, asked, t.timeout),
    async answers(client, attempt) {
      for (let left = promises.mayLose ? REPEATS : 1; ; left--) {
        const asked = await attempt();
        try {
          return await allAnswered(client, asked, promises.mayLose ? t.timeout / 2 : t.timeout);
        } catch (error) {
          if (left === 1 || !(error instanceof NotAnswered)) throw error;
        }
      }
    },
    exchange: (client, count = 1) =>
      all.answers(client, () => {
        const asked = Array.from({ length: count }, () => all.request(client));
        all.ask(client, ...asked);
        return asked;
      }),
    async quiet() {
      const look = ({ connection }: Client) => {
        connection.read();
        return false;
      };
      await Promise.all(
        all.clients.map((client) => until(client.connection.peer, QUIET_MS, () => look(client))),
      );
    },
  };
  return all;
}

/** A unit that is no control unit: the reply to the oldest request, or to any where replies name theirs. */
function take(protocol: Protocol, client: Client, unit: Buffer): void {
  const { promises } = protocol;
  const { essence, named } = protocol.requests!;
  const payload = payloadIn(protocol, unit);
  const bytes = essence ? essence(payload) : unit;
  const is = ({ reply }: Asked) => bytes !== undefined && Buffer.from(reply).equals(bytes);
  const { inFlight, answered, name } = client;
  const at = inFlight.findIndex(is);
  // Of what may be lost, those before it are taken for lost.
  if (at === 0 || (at > 0 && (named || promises.mayLose))) {
    const [one] = inFlight.splice(at, 1);
    if (!named) inFlight.splice(0, at);
    one.answered = true;
    answered.push(one);
    return;
  }
  if (promises.mayDuplicate && answered.some(is)) return;
  if (client.tolerant && at < 0 && !answered.some(is)) {
    client.others.push(Buffer.from(bytes ?? unit));
    return;
  }
  const [next] = inFlight;
  const expected = next && Buffer.from(next.example ?? next.reply);
  throw new Violation(
    `${name} receives ${expected ? show(expected) : "one reply to each request, and no more"}`,
    `received ${show(unit)}${at > 0 ? ", the reply to a later request" : answered.some(is) ? " again" : expected && !essence ? `: ${differenceOf(expected, unit)}` : ", which names no request in flight"}`,
  );
}

async function allAnswered(client: Client, asked: readonly Asked[], milliseconds: number): Promise<void> {
  const { peer, read } = client.connection;
  const missing = () => {
    read();
    return asked.find((one) => !one.answered);
  };
  await until(peer, milliseconds, () => missing() === undefined || peer.ended !== "open");
  const one = missing();
  if (!one) return;
  throw new NotAnswered(
    `${client.name} receives ${show(one.example ?? one.reply)}`,
    peer.ended === "open"
      ? `received nothing of it within ${Math.round(milliseconds)} ms`
      : "the connection ended first",
  );
}
