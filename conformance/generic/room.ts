/**
 * A room known by its definition alone: members join, say texts of which no two are equal, and every delivery is held
 * against what was said, to whom and when. Cases only say, and wait; what is wrong is found wherever it shows.
 */
import type { Protocol } from "../../protocols/protocol.ts";
import type { Context } from "../context.ts";
import { until } from "../peer.ts";
import { Unsupported, Violation } from "../violation.ts";
import { show } from "../wire-log.ts";
import { type Connection, newTopic, openConnection, payloadIn } from "./connection.ts";
import { createLedger, type Ledger } from "./ledger.ts";

const NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];
/** How often something is said, at most, until all have heard it: a newcomer may be known later than it is let in. */
const ATTEMPTS = 8;
/** So often something that may be lost is said, at most. */
const REPEATS = 5;
/** How long silence is observed. */
const QUIET_MS = 120;

export type Member = {
  readonly name: string;
  readonly topic: string;
  /** By which it hears, and by which it speaks: the same, but where publishers are separate. */
  hears: Connection;
  speaks: Connection;
  /** How many messages it was going to say. */
  said: number;
  /** It has left, or takes no part any more: nothing is expected of it. */
  gone: boolean;
};

export type Message = {
  readonly author: Member;
  readonly body: Buffer;
  /** The author's count. */
  readonly number: number;
  /** The unit with which it was said, and the one as which it is heard where headers do not vary. */
  readonly said: Buffer;
  readonly heard: Buffer;
  /** Those who must hear it; others who have joined meanwhile may. */
  readonly for: readonly Member[];
  readonly heardBy: Set<Member>;
  /** It may be lost: a greeting, or what may be refused. */
  readonly optional: boolean;
};

export type Room = {
  readonly t: Context;
  readonly protocol: Protocol;
  readonly members: Member[];
  /** So many join, one after another, each known to all before the next. */
  enter: (count: number) => Promise<Member[]>;
  join: (how?: Joining) => Promise<Member>;
  /** Lets one in, without waiting until it is known to the others. */
  open: (how?: Joining) => Promise<Member>;
  /** Nothing is expected of a member from now on; by default its connections are closed. */
  leave: (member: Member, how?: "close" | "reset" | "stay") => void;
  /** What a member is going to say: this body, or a text of so many bytes. */
  message: (author: Member, body?: Uint8Array | number, optional?: boolean) => Message;
  /** Says these as they are, by one write. */
  say: (...messages: Message[]) => void;
  /** All who must hear these have heard them, in time. */
  heard: (...messages: Message[]) => Promise<void>;
  /** All hear what an attempt has said; where messages may be lost, that of one attempt of several. */
  delivers: (attempt: () => readonly Message[] | Promise<readonly Message[]>) => Promise<void>;
  /** A member says texts, by one write, and all hear them. */
  tell: (author: Member, count?: number) => Promise<void>;
  /** Nobody receives anything wrong for a while. */
  quiet: () => Promise<void>;
  /** What this member is sent, such as a refusal, is no fault where it is nothing that was said. */
  tolerate: (member: Member) => void;
};

export type Joining = { topic?: string; slowly?: boolean; receiveBuffer?: number };

export function roomIn(t: Context, protocol: Protocol): Room {
  if (!protocol.room) throw new Unsupported("the definition has no room");
  const wireOf = protocol.room;
  if (t.target.unix !== undefined && namesAddresses(wireOf))
    throw new Unsupported("clients are identified by their addresses, and a Unix socket has none");
  const { mayLose } = protocol.promises;
  const topic = newTopic();
  const ledger = createLedger(protocol);
  let count = 0;
  const room: Room = {
    t,
    protocol,
    members: [],
    async enter(count) {
      for (let i = 0; i < count; i++) await room.join();
      return room.members.slice(-count);
    },
    async join(how = {}) {
      const member = await room.open(how);
      await introduce(room, member);
      return member;
    },
    open: (how = {}) => openMember(room, ledger, count++, { topic, ...how }),
    leave(member, how = "close") {
      member.gone = true;
      for (const { peer } of new Set([member.hears, member.speaks]))
        if (how === "close") peer.close();
        else if (how === "reset" && peer.kind === "tcp") peer.reset();
    },
    message(author, body, optional = false) {
      const bytes = typeof body === "object" ? Buffer.from(body) : ledger.textOf(author, body);
      const { id, peer } = author.speaks;
      const wire = wireOf(bytes.length, author.topic);
      const said = Buffer.concat([wire.sendPrefix, bytes, wire.sendSuffix]);
      wire.number?.(said.subarray(0, wire.sendPrefix.length), author.said++);
      const view = new DataView(said.buffer, said.byteOffset, said.length);
      wire.seal?.(view, wire.sendPrefix.length, bytes.length);
      const prefix = wire.deliveryPrefix({ address: peer.address, id });
      const heard = Buffer.concat([prefix, bytes, wire.deliverySuffix]);
      const listeners = room.members.filter((member) => isFor(protocol, member, author));
      return ledger.add({ author, body: bytes, said, heard, for: listeners, optional });
    },
    say(...messages) {
      const [{ author }] = messages;
      // A datagram holds one unit.
      const writes = protocol.transport === "udp" ? messages.map((one) => [one]) : [messages];
      for (const some of writes) author.speaks.send(Buffer.concat(some.map(({ said }) => said)));
    },
    heard: (...messages) => allHear(room, messages, t.timeout),
    async delivers(attempt) {
      for (let left = mayLose ? REPEATS : 1; ; left--) {
        const messages = await attempt();
        try {
          return await allHear(room, messages, mayLose ? t.timeout / 2 : t.timeout);
        } catch (error) {
          if (left === 1 || !(error instanceof NotHeard)) throw error;
        }
      }
    },
    tell: (author, count = 1) =>
      room.delivers(() => {
        const messages = Array.from({ length: count }, () => room.message(author));
        room.say(...messages);
        return messages;
      }),
    async quiet() {
      const there = room.members.filter(({ gone }) => !gone);
      const look = ({ hears, speaks }: Member) => {
        hears.read();
        speaks.read();
        return false;
      };
      await Promise.all(there.map((member) => until(member.hears.peer, QUIET_MS, () => look(member))));
    },
    tolerate: ledger.tolerate,
  };
  return room;
}

/** Its connections, opened as the definition says. */
async function openMember(
  { t, protocol, members }: Room,
  ledger: Ledger,
  index: number,
  { topic = "", ...how }: Joining,
): Promise<Member> {
  const name = NAMES[index] ?? `m${index}`;
  const asked = { name, topic, index, ...how };
  const member = { name, topic, said: 0, gone: false } as Member;
  const { find, acknowledge } = protocol.room!(1, topic);
  const hears = {
    ...asked,
    onUnit(unit: Buffer, answer: (bytes: Uint8Array) => void) {
      const payload = payloadIn(protocol, unit);
      if (acknowledge && find?.(payload)) answer(acknowledge(payload));
      ledger.hear(member, unit);
    },
  };
  const speaks = {
    ...asked,
    name: `${name}, publishing`,
    onUnit: (unit: Buffer) => ledger.stray(member, unit),
  };
  if (protocol.separatePublishers) {
    member.hears = await openConnection(t, protocol, { ...hears, role: "subscriber" });
    member.speaks = await openConnection(t, protocol, { ...speaks, role: "publisher" });
  } else {
    member.hears = await openConnection(t, protocol, { ...hears, role: "member" });
    member.speaks = member.hears;
  }
  members.push(member);
  return member;
}

/** Whether what is delivered tells the address of who said it. */
const namesAddresses = (wireOf: NonNullable<Protocol["room"]>) => {
  const prefixFor = (address: string) => Buffer.from(wireOf(1).deliveryPrefix({ address, id: "1" }));
  return !prefixFor("here").equals(prefixFor("there"));
};

const isFor = ({ promises }: Protocol, member: Member, author: Member): boolean =>
  !member.gone && member.topic === author.topic && (member !== author || promises.echoesToSender);

/** Nothing wrong was heard, and not all that was to be. */
class NotHeard extends Violation {}

async function allHear(room: Room, messages: readonly Message[], milliseconds: number): Promise<void> {
  const listeners = new Set(messages.flatMap((message) => message.for));
  await Promise.all(
    [...listeners].map((member) => {
      const wanted = messages.filter((message) => message.for.includes(member));
      return hear(room, member, (message) => message.heardBy.has(member), wanted, milliseconds);
    }),
  );
}

/** A member hears these. */
async function hear(
  { members }: Room,
  member: Member,
  isHeard: (message: Message) => boolean,
  messages: readonly Message[],
  milliseconds: number,
): Promise<void> {
  const { peer, read } = member.hears;
  let at = 0;
  const all = () => {
    // What is wrong with anybody's stream is told before what is missing in this one.
    for (const { hears, speaks, gone } of members) if (!gone) for (const one of [hears, speaks]) one.read();
    read();
    while (at < messages.length && isHeard(messages[at])) at++;
    return at === messages.length;
  };
  if (await until(peer, milliseconds, () => all() || peer.ended !== "open")) if (all()) return;
  throw new NotHeard(
    `${member.name} receives ${show(messages[at].heard)}`,
    peer.ended === "open"
      ? `received nothing of it within ${Math.round(milliseconds)} ms`
      : "the connection ended first",
  );
}

/**
 * A newcomer is in once all hear it, and it hears the others: what it says for that is repeated, since a server may know
 * it a little later than it lets it in.
 */
async function introduce(room: Room, member: Member): Promise<void> {
  const others = room.members.filter((one) => one !== member && isFor(room.protocol, one, member));
  if (others.length === 0) return;
  for (const [author, listeners] of [
    [member, others],
    [others[0], [member]],
  ] as const)
    await greet(room, author, listeners);
}

async function greet(room: Room, author: Member, listeners: readonly Member[]): Promise<void> {
  const said: Message[] = [];
  for (let attempt = 1; ; attempt++) {
    const message = room.message(author, undefined, true);
    said.push(message);
    room.say(message);
    try {
      const isHeard = (listener: Member) => () => said.some(({ heardBy }) => heardBy.has(listener));
      await Promise.all(
        listeners.map((one) => hear(room, one, isHeard(one), [message], room.t.timeout / ATTEMPTS)),
      );
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof NotHeard)) throw error;
    }
  }
}
