/**
 * A protocol as one file has it: `defineProtocol({…})` is the default export of a user's file, and makes the built-in
 * ones too. Here are the shapes; define.ts makes a protocol of them.
 */
import type { Dialect } from "./chat.ts";
import type { FindEnd, Framing, ignore } from "./framing.ts";
import type { Dialogue } from "./protocol.ts";

/** A text stands for its UTF-8 bytes. */
export type Bytes = string | Uint8Array;

/** What stands before and behind a message, inside of what the framing puts around both. */
export type Around = { prefix?: Bytes; suffix?: Bytes };

/** What a connection is for: `member` and `client` speak and hear, the others only one of both. */
export type Role = "member" | "publisher" | "subscriber" | "client";

/** Who opens a connection, and where to. */
export type Me = {
  role: Role;
  /** Of this sample alone, letters, digits and hyphens: members of other samples do not hear it. */
  topic: string;
  /** Different for each connection of a sample and role. */
  index: number;
  /** Of the target's URL, decoded; empty without. */
  user: string;
  password: string;
  host: string;
  port: number;
};

/** Who said a message, as the server may name it: `ip:port`, and what its `open` returned as `id`. */
export type Who = { address: string; id: string };

type Encoding = "latin1" | "utf8" | "ascii" | "hex" | "base64";

/** The bytes of a unit: of what a Buffer can, this is promised, and it takes no types but these. */
export interface Unit extends Uint8Array {
  toString(encoding?: Encoding, from?: number, end?: number): string;
  indexOf(value: string | number | Uint8Array, from?: number): number;
  lastIndexOf(value: string | number | Uint8Array, from?: number): number;
  includes(value: string | number | Uint8Array, from?: number): boolean;
  equals(other: Uint8Array): boolean;
  subarray(from?: number, end?: number): Unit;
  readUInt8(at?: number): number;
  readUInt16BE(at?: number): number;
  readUInt16LE(at?: number): number;
  readUInt32BE(at?: number): number;
  readUInt32LE(at?: number): number;
}

/** A step of `open`: `expect(…)` or `send(…)`. */
export type Step = { send: Bytes } | { expect: RegExp | ((unit: Unit) => boolean) };

/** What `open` may return: what the server calls this member. */
export type Opened = { id?: string | number };

/** `yield expect(…)` gives what the pattern matched, as `RegExp.exec` does; a function, the unit as Latin-1. */
// biome-ignore lint/suspicious/noConfusingVoidType: a generator without a return statement returns void
export type Opening = Generator<Step, Opened | undefined | void, readonly string[]>;

export type Promises = {
  /** Whether a sender gets its own messages. */
  echoesToSender: boolean;
  /** Messages of one sender come in the order in which it sent them. */
  ordered: "per sender" | false;
  /** Messages may be lost, or come more than once: told, and not held against the server. */
  mayLose: boolean;
  mayDuplicate: boolean;
  /** A message may be of any bytes; else of text. */
  binary: boolean;
  /** Bytes that a server keeps at least for a reader who falls behind, before it may end the connection. */
  queueBytes?: number;
  /** Messages that it keeps at least for one, before it may drop others: a closed loop has fewer under way. */
  queueMessages?: number;
  /** A message of up to so many bytes arrives whole, where it arrives. */
  wholeUpTo?: number;
};

export type RoomDefinition = {
  /** What a member sends around a message of so many bytes. */
  say: (topic: string, bytes: number) => Around;
  /** What stands around it when it is delivered. */
  hear: (topic: string, bytes: number, who: Who) => Around;
  /**
   * Only where the header of a delivery varies: where in it the message stands, or undefined for what is no delivery.
   * What `hear` gives is then an example, and only the message is verified.
   */
  find?: (unit: Unit) => readonly [from: number, to: number] | undefined;
  /** Only where what stands before a message differs from one to the next (a packet identifier): writes it there. */
  number?: (prefix: Buffer, count: number) => void;
  /** Only with `find`: what a delivery is to be answered with. */
  acknowledge?: (unit: Unit) => Bytes;
};

/** What a reply says: the id as it stands there, where replies name their requests, and where the body is. */
export type Reply = { id?: string | number; body: readonly [from: number, to: number] };

export type EchoRequest = {
  /** What a client sends around a body of so many bytes, and what stands around it in the reply. Ids count from 1. */
  ask: (id: number, bytes: number, me: Me) => Around;
  answer: (id: number, bytes: number, me: Me) => Around;
  /** Only where the header of a reply varies: what it says, or undefined for what is no reply. */
  find?: (unit: Unit) => Reply | undefined;
  /** Replies name their requests, and may come in any order. */
  byId?: boolean;
  /** They depend on `me`, so that connections do not share their requests. */
  perConnection?: boolean;
  /** A connection asks when it has been answered, unless the command line asks for more in flight. */
  oneAtATime?: boolean;
};

/** Requests with replies of their own, for whom an echoed body does not do. */
export type PooledRequests = {
  /**
   * The request at a place of a pool: those at the edges of the protocol first, then what follows from `random`.
   * Undefined where it has no right reply.
   */
  at: (
    place: number,
    id: number,
    random: () => number,
  ) => { text: string; ask: Bytes; answer: Bytes } | undefined;
  byId?: boolean;
};

export type Definition = {
  /** As the record and the tables have it; no other protocol may be called so. */
  name: string;
  /** `lines()`, `delimiter()`, `lengthPrefixed()`, `datagram()`, `wsMessage()`, or a function. It tells the transport. */
  framing: Framing | FindEnd;
  /** What bounds units that a client sends, where that is something else: `unbounded()`. */
  sends?: Framing;
  /** The well-known port. */
  port?: number;
  /** Of the WebSocket handshake; of a target's URL, if that has one. */
  path?: string;
  subprotocol?: string;
  headers?: (me: Me) => Record<string, string>;
  /** A subscriber cannot publish: who does both has two connections. */
  separatePublishers?: boolean;
  /** Runs on each connection before anything else. Units that fit no `expect` are passed over. */
  open?: (me: Me) => Opening;
  /**
   * A unit that is no message: a payload that answers it, `ignore` where it needs none, undefined where it is not known.
   * It may come at any place of the stream.
   */
  control?: (unit: Unit, role: Role) => Bytes | typeof ignore | undefined;
  room?: RoomDefinition;
  request?: EchoRequest | PooledRequests;
  promises?: Partial<Promises>;
  /** What it is besides, to cases and scenarios of its own. */
  primary?: true;
  dialect?: Dialect;
  dialogue?: Dialogue;
  files?: true;
};

/** A step of `open`: waits for a unit that fits the pattern (its first 16 KiB as Latin-1), or the function. */
export const expect = (unit: RegExp | ((unit: Unit) => boolean)): Step => ({ expect: unit });

/** A step of `open`: says a payload, inside of what the framing puts around it. */
export const send = (payload: Bytes): Step => ({ send: payload });
