/**
 * A connection of a protocol that is known by its definition alone: it is opened as the file says, what it receives is
 * cut into units, and control units are answered while a case does something else.
 */
import { converse } from "../../clients/opening.ts";
import { payloadOf } from "../../protocols/define.ts";
import type { Me, Role } from "../../protocols/definition.ts";
import { FramingFault, ignore } from "../../protocols/framing.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Context } from "../context.ts";
import { sleep, type TcpPeer, type UdpPeer, until } from "../peer.ts";
import { Unsupported, Violation } from "../violation.ts";
import { show } from "../wire-log.ts";

/** As for a fleet: a longer one is no unit of a right server. */
const MAX_UNIT_BYTES = 1_048_576;
const MAX_ANSWERS = 100;
const NOTHING = Buffer.alloc(0);

export type Connection = {
  readonly peer: TcpPeer | UdpPeer;
  /** As `open` was told it. */
  readonly me: Me;
  /** What the server calls it, "" where it does not say. */
  readonly id: string;
  /** Whether the room's name was asked for while it was opened. */
  readonly usedTopic: boolean;
  /** Whether `open` said anything. */
  readonly spoke: boolean;
  /** Takes what has come; throws what the server did wrong. */
  read: () => void;
  send: (bytes: Uint8Array) => void;
  /** Sends a unit in parts: what is to be answered meanwhile waits, since an answer within a unit would be part of it. */
  inParts: (work: (send: (bytes: Uint8Array) => void) => Promise<void>) => Promise<void>;
};

export type Asked = {
  name: string;
  role: Role;
  topic: string;
  /** Different for each connection of a case. */
  index: number;
  /** A unit that is no control unit: as it came, framing included. */
  onUnit: (unit: Buffer, answer: (bytes: Uint8Array) => void) => void;
  /** Sends what `open` says byte by byte. */
  slowly?: boolean;
  receiveBuffer?: number;
};

/** Connects and does what `open` says; a Violation when the server does not let it in. */
export async function openConnection(t: Context, protocol: Protocol, asked: Asked): Promise<Connection> {
  const me = meOf(t, asked);
  const peer = await connect(t, protocol, me.value, asked);
  const write = asked.slowly ? byteByByte(peer) : peer.send;
  let spoke = false;
  const talk = converse(protocol, me.value, (bytes) => {
    spoke = true;
    write(bytes);
  });
  let rest: Buffer | undefined;
  let opened: { id: string } | { reason: string } | undefined;
  const settle = (how: typeof opened) => {
    opened = how;
    peer.wake();
  };
  talk.opened.then(
    (id) => settle({ id }),
    (error: Error) => settle({ reason: error.message }),
  );
  const seen = new Set<string>();
  const feed = () => {
    for (const chunk of chunksOf(peer)) {
      // What `open` says in datagrams it says again, and may be answered again.
      if (peer.kind === "udp" && seen.size < MAX_ANSWERS) seen.add(chunk.toString("latin1"));
      const left = rest === undefined ? talk.take(chunk) : chunk;
      if (left !== undefined) rest = Buffer.concat([rest ?? NOTHING, left]);
    }
  };
  await until(peer, t.timeout, () => {
    feed();
    return opened !== undefined || peer.ended !== "open";
  });
  talk.fail(peer.ended === "open" ? `not open within ${t.timeout} ms` : "the connection ended");
  await talk.opened.catch(() => {});
  if (!opened || "reason" in opened)
    throw new Violation(`${peer.name} is let in, as open says`, opened ? opened.reason : "not open");
  feed();
  const onUnit: Asked["onUnit"] = (unit, answer) =>
    void (seen.has(unit.toString("latin1")) || asked.onUnit(unit, answer));
  const listening = peer.kind === "udp" ? { ...asked, onUnit } : asked;
  const early = rest ?? Buffer.from(talk.take(NOTHING) ?? NOTHING);
  const answers = createAnswers(peer);
  const reading = createReading(protocol, listening, answers.answer, peer, early);
  void keepReading(t, peer, reading);
  const read = () => {
    reading.read();
    if (reading.trouble()) throw reading.trouble();
  };
  const { inParts } = answers;
  return {
    inParts,
    peer,
    me: me.value,
    id: opened.id,
    usedTopic: me.usedTopic(),
    spoke,
    read,
    send: peer.send,
  };
}

/** As `open` is told it, and whether it asked for the topic. */
function meOf({ target }: Context, { role, topic, index }: Asked) {
  const { user = "", password = "", hostname, port } = target;
  let used = false;
  const value: Me = {
    role,
    index,
    user,
    password,
    host: hostname,
    port,
    get topic() {
      used = true;
      return topic;
    },
  };
  return { value, usedTopic: () => used };
}

async function connect(
  t: Context,
  protocol: Protocol,
  me: Me,
  { name, receiveBuffer }: Asked,
): Promise<TcpPeer | UdpPeer> {
  if (protocol.transport === "tcp") return t.tcp(name, receiveBuffer);
  if (protocol.transport === "udp") return t.udp(name);
  const { subprotocol, headers } = protocol;
  const path = t.target.path === "/" ? (protocol.path ?? "/") : t.target.path;
  const fields = {
    ...headers?.(me),
    ...(subprotocol === undefined ? {} : { "Sec-WebSocket-Protocol": subprotocol }),
  };
  return (await t.ws(name, { path, fields, ...(receiveBuffer ? { receiveBuffer } : {}) })).tcp;
}

/** What has come, and is taken now. */
function chunksOf(peer: TcpPeer | UdpPeer): Buffer[] {
  if (peer.kind === "udp") return peer.datagrams.splice(0);
  const unread = peer.unread();
  return unread.length > 0 ? [Buffer.from(peer.take(unread.length))] : [];
}

/** Writes that keep their order, each byte of them by itself. */
function byteByByte(peer: TcpPeer | UdpPeer): (bytes: Uint8Array | string) => void {
  let before = Promise.resolve();
  return (bytes) => {
    before = before.then(async () => {
      for (const byte of Buffer.from(bytes as Uint8Array)) {
        peer.send(Uint8Array.of(byte));
        await sleep(1);
      }
    });
  };
}

/** Answers, which wait while a unit is sent in parts. */
function createAnswers(peer: TcpPeer | UdpPeer) {
  const waiting: Uint8Array[] = [];
  let parts = 0;
  return {
    answer: (bytes: Uint8Array) => void (parts > 0 ? waiting.push(bytes) : peer.send(bytes)),
    async inParts(work: (send: (bytes: Uint8Array) => void) => Promise<void>): Promise<void> {
      parts++;
      try {
        await work(peer.send);
      } finally {
        parts--;
        if (peer.ended === "open") for (const bytes of waiting.splice(0)) peer.send(bytes);
      }
    },
  };
}

/** Cuts what comes into units: control units are answered, the others handed on. What went wrong first is kept. */
function createReading(
  { framing, react }: Protocol,
  { role, onUnit }: Asked,
  reply: (bytes: Uint8Array) => void,
  peer: TcpPeer | UdpPeer,
  early: Buffer,
) {
  let carry = early;
  let fresh = early.length > 0;
  let trouble: Error | undefined;
  function cut(bytes: Buffer): Buffer {
    let from = 0;
    while (from < bytes.length) {
      const end = framing.end(bytes, from, bytes.length);
      if (end < 0 || end > bytes.length) break;
      const answer = react(bytes, from, end, role);
      if (answer === undefined) onUnit(bytes.subarray(from, end), reply);
      else if (answer !== ignore) reply(answer);
      from = end;
    }
    return Buffer.from(bytes.subarray(from));
  }
  return {
    trouble: () => trouble,
    read(): void {
      const chunks = chunksOf(peer);
      if (fresh) chunks.unshift(NOTHING);
      fresh = false;
      for (const chunk of chunks)
        try {
          if (trouble) return;
          carry = cut(carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk);
          if (carry.length > MAX_UNIT_BYTES)
            throw new Violation(
              `${peer.name} receives units of at most ${MAX_UNIT_BYTES} bytes`,
              `received ${show(carry)} without an end`,
            );
        } catch (error) {
          trouble = reasonOf(error, peer, carry);
        }
    },
  };
}

/** Bytes that break the framing are the server's fault; of the file's own code nobody can tell whose fault it is. */
function reasonOf(error: unknown, { name }: { name: string }, bytes: Buffer): Error {
  if (error instanceof Violation || error instanceof Unsupported) return error;
  const why = error instanceof Error ? error.message : String(error);
  if (error instanceof FramingFault && !error.unsupported)
    return new Violation(`${name} receives whole units`, `${why}: ${show(bytes)}`);
  return new Unsupported(error instanceof FramingFault ? why : `the protocol's own code threw: ${why}`);
}

/** What asks for an answer gets it, whatever the case is waiting for. */
async function keepReading(
  t: Context,
  peer: TcpPeer | UdpPeer,
  { read }: { read: () => void },
): Promise<void> {
  while (!t.over && peer.ended === "open") {
    read();
    await peer.changed(t.timeout);
  }
}

/** The payload of a unit, without what the framing puts around it. */
export const payloadIn = ({ framing }: Protocol, unit: Buffer): Buffer =>
  payloadOf(framing, unit, 0, unit.length);

/** A topic that nobody else has. */
export const newTopic = (): string => `sockbench-${crypto.randomUUID().slice(0, 8)}`;
