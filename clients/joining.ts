/**
 * Members of a protocol: connections that have gone through its `open`, in the role that they have. Where publishers
 * and subscribers have connections of their own, a member is one of each: it hears by the one and speaks by the other.
 */
import type { Me, Role } from "../protocols/definition.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Handshake, type Member, type MemberHandlers, type Open, openConnection } from "./members.ts";
import { type Conversation, converse } from "./opening.ts";
import { createUnits } from "./units.ts";

export type Joining = {
  protocol: Protocol;
  topic: string;
  /** As whom a connection joins that is the only one of its member. */
  role: "member" | "client";
  /** Whether this member says something: else it needs no publisher's connection. */
  speaks?: (index: number) => boolean;
  /** Its number among those of all fleets. */
  number?: (index: number) => number;
  /** The connection by which a member hears, before anything of it is handed on: what asks for an answer gets it there. */
  onHearing?: (index: number, connection: Member) => void;
  /** What a publisher was sent and nobody knows. */
  onStray?: (index: number, unit: Uint8Array) => void;
};

/** A topic that no other sample on this machine has. */
export const topicOf = (tag: number, epoch: number): string =>
  `sockbench-${tag.toString(36)}-${Math.floor(epoch).toString(36)}`;

/** Opens a connection as a member. */
export const joining =
  (how: Joining): Open =>
  async (target, index, handlers) => {
    const { protocol, role } = how;
    if (!protocol.separatePublishers || role !== "member") return join(how, role, target, index, handlers);
    const hearing = await join(how, "subscriber", target, index, handlers);
    if (how.speaks?.(index) === false) return hearing;
    const units = createUnits(protocol, "publisher", (unit) => how.onStray?.(index, unit));
    try {
      const onBytes = (_: number, chunk: Uint8Array) => units.read(chunk);
      const speaking = await join(how, "publisher", target, index, { ...handlers, onBytes });
      units.answerBy(speaking);
      return both(hearing, speaking);
    } catch (error) {
      hearing.close();
      throw error;
    }
  };

/** What is heard by one connection and said by the other. */
const both = (hearing: Member, speaking: Member): Member => ({
  ...speaking,
  fd: hearing.fd,
  close() {
    hearing.close();
    speaking.close();
  },
  reset() {
    hearing.reset();
    speaking.reset();
  },
});

/** Who opens a connection of this run. */
export function meOf(
  { topic, number }: Pick<Joining, "topic" | "number">,
  role: Role,
  target: Endpoint,
  index: number,
): Me {
  const { user = "", password = "", hostname, port } = target;
  return { role, topic, index: number?.(index) ?? index, user, password, host: hostname, port };
}

const handshakeBy = ({ subprotocol, headers }: Protocol, me: Me): Handshake => ({
  ...(subprotocol === undefined ? {} : { subprotocol }),
  ...(headers ? { headers: headers(me) } : {}),
});

/** The handshake of a connection that is to see whether a server answers at all. */
export const firstHandshake = (protocol: Protocol, target: Endpoint): Handshake =>
  handshakeBy(protocol, meOf({ topic: "sockbench" }, "client", target, 0));

/** One connection, from its handshake to the end of `open`. */
async function join(
  how: Joining,
  role: Role,
  target: Endpoint,
  index: number,
  handlers: MemberHandlers,
): Promise<Member> {
  const { protocol } = how;
  const me = meOf(how, role, target, index);
  const early: Uint8Array[] = [];
  let talk: Conversation | undefined;
  let joined = false;
  let lost: string | undefined;

  function hear(chunk: Uint8Array): void {
    if (!talk) return void early.push(chunk);
    // A datagram that answers what was said again is none of the room's.
    if (joined) {
      if (!talk.takes(chunk)) handlers.onBytes(index, chunk);
      return;
    }
    const rest = talk.take(chunk);
    if (rest === undefined) return;
    joined = true;
    if (rest.length > 0) handlers.onBytes(index, rest);
  }

  const connection = await openConnection(target, index, {
    onBytes(_, chunk) {
      // The way of all deliveries: nothing more is to be said.
      if (joined && !talk) handlers.onBytes(index, chunk);
      else hear(chunk);
    },
    onLost(_, reason) {
      if (joined) return handlers.onLost(index, reason);
      lost = reason;
      talk?.fail(reason);
    },
    handshake: () => handshakeBy(protocol, me),
  });
  if (role !== "publisher") how.onHearing?.(index, connection);
  const begin = () => converse(protocol, me, (bytes) => void connection.send(bytes, 0, bytes.length));
  talk = begin();
  // What came before goes first; with nothing to wait for, everything is the room's.
  for (const chunk of [...early, new Uint8Array(0)]) hear(chunk);
  if (lost !== undefined) talk.fail(lost);
  try {
    const id = await talk.opened;
    joined = true;
    talk = undefined;
    if (lost !== undefined) handlers.onLost(index, lost);
    if (protocol.transport !== "udp") return { ...connection, id };
    return {
      ...connection,
      id,
      rejoin() {
        talk?.fail("again");
        talk = begin();
      },
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}
