/**
 * The plainest server that is right of a small protocol that only tests know, with rooms by topic and requests:
 * conformance/generic/testing-letters.ts has its wire. It is an object of the decisions that it takes.
 */
import type { Socket } from "bun";
import { createOutbox, flush, type Outbox, pending, send } from "../../platform/outbox.ts";
import type { ConnectedRoom } from "./room.ts";

const LENGTH_BYTES = 4;
const MAX_UNIT_BYTES = 1_048_576;
/** Request ids are as wide. */
const ID_BYTES = 6;
/** A member is pinged behind every so many messages; one who does not answer so many pings is taken for dead. */
const PING_EVERY = 7;
const MAX_PINGS = 30;

export type Member = {
  socket: Socket<Member>;
  outbox: Outbox;
  unread: Buffer;
  topic: string;
  heard: number;
  pings: number;
  gone: boolean;
};

export type LettersServer = ConnectedRoom<Member> & {
  /** Takes what has come; `isLast` where the client has sent FIN. */
  receive: (member: Member, chunk: Buffer) => void;
  /** The first unit's payload, taken off what is unread; undefined while it has not come whole. */
  cut: (member: Member) => Buffer | undefined;
  take: (member: Member, payload: Buffer) => void;
  join: (member: Member, topic: string) => void;
  answer: (member: Member, id: Buffer, body: Buffer) => void;
  /** Sends one unit. */
  unit: (member: Member, ...payload: (string | Buffer)[]) => void;
  /** The client has sent FIN. */
  ended: (member: Member) => void;
  /** The connection has ended: by a reset, if there is an error. */
  closed: (member: Member, error?: Error) => void;
};

export function plainLetters(every: number, die: () => void): LettersServer {
  const members = new Set<Member>();
  const server: LettersServer = {
    every,
    messageBytes: MAX_UNIT_BYTES,
    queueBytes: MAX_UNIT_BYTES,
    emptyBytes: 0,
    die,
    members: () => [...members],
    opened: (member) => void members.add(member),
    reset: ({ socket }) => void socket.terminate(),
    left(member) {
      member.gone = true;
      members.delete(member);
    },
    receive(member, chunk) {
      member.unread = Buffer.concat([member.unread, chunk]);
      for (let payload = server.cut(member); payload && !member.gone; payload = server.cut(member))
        server.take(member, payload);
    },
    cut(member) {
      const { unread } = member;
      if (unread.length < LENGTH_BYTES) return undefined;
      const length = unread.readUInt32BE(0);
      if (length > server.messageBytes) {
        server.left(member);
        member.socket.terminate();
        return undefined;
      }
      if (unread.length < LENGTH_BYTES + length) return undefined;
      member.unread = unread.subarray(LENGTH_BYTES + length);
      return Buffer.from(unread.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
    },
    take(member, payload) {
      const [letter, rest] = [String.fromCharCode(payload[0] ?? 0), payload.subarray(1)];
      if (letter === "J") server.join(member, rest.toString());
      else if (letter === "S") server.say(member, rest);
      else if (letter === "Q") server.answer(member, rest.subarray(0, ID_BYTES), rest.subarray(ID_BYTES));
      else if (letter === "O") member.pings = 0;
    },
    join(member, topic) {
      member.topic = topic;
      server.unit(member, "K");
    },
    say: (author, body) => server.spread(server.recipients(author), body),
    nameOf: (author) => author,
    recipients: (author) =>
      [...members].filter(
        (member) => member !== author && member.topic === author.topic && author.topic !== "",
      ),
    spread(recipients, body) {
      for (const member of recipients) server.send(member, body);
    },
    send(member, body) {
      server.unit(member, "H", Buffer.from(body));
      if (member.gone || ++member.heard % PING_EVERY > 0) return;
      server.unit(member, "P");
      if (++member.pings > MAX_PINGS) server.reset(member);
    },
    answer: (member, id, body) => server.unit(member, "R", id, body),
    unit: (member, ...payload) =>
      writeUnit(server, member, Buffer.concat(payload.map((part) => Buffer.from(part as string)))),
    waiting: ({ outbox }) => pending(outbox),
    drained({ outbox, socket, gone }) {
      flush(outbox, socket);
      if (gone && pending(outbox) === 0) socket.shutdown();
    },
    ended(member) {
      if (!member.gone) server.left(member);
      if (pending(member.outbox) === 0) member.socket.shutdown();
    },
    closed: (member) => void (member.gone || server.left(member)),
  };
  return server;
}

function writeUnit(server: LettersServer, member: Member, payload: Buffer): void {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(payload.length);
  if (send(member.outbox, member.socket, Buffer.concat([length, payload]))) return;
  if (!member.gone) server.left(member);
  member.socket.terminate();
}

export const newMember = ({ queueBytes }: LettersServer, socket: Socket<Member>): Member => ({
  socket,
  outbox: createOutbox(queueBytes),
  unread: Buffer.alloc(0),
  topic: "",
  heard: 0,
  pings: 0,
  gone: false,
});
