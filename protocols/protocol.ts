/**
 * What a protocol is to those who measure and judge its servers: a value with a name, a transport, and what it is
 * capable of. Whoever needs a capability asks for it; nobody asks for a name. Every one is made by define.ts; ours
 * stand in index.ts.
 */
import type { Dialect } from "./chat.ts";
import type { Me, Opening, Promises, Role, Unit } from "./definition.ts";
import type { Framing, ignore } from "./framing.ts";

export type Transport = "tcp" | "udp" | "ws";

/** As they are called in print. */
export const transportNames: Record<Transport, string> = { tcp: "TCP", udp: "UDP", ws: "WebSocket" };

export type Protocol = {
  /** As `--protocol` has it: `chat/bracket`. */
  name: string;
  transport: Transport;
  /** The well-known port. */
  port: number;
  /** Of the WebSocket handshake. */
  path?: string;
  subprotocol?: string;
  headers?: (me: Me) => Record<string, string>;
  /** Measured in full by default, and what a target on its transport is taken for when no protocol is named. */
  primary?: true;
  /** What bounds units that a server sends, and those that a client does. */
  framing: Framing;
  sends: Framing;
  promises: Promises;
  open?: (me: Me) => Opening;
  separatePublishers?: true;
  react: React;
  /** One member speaks and the others hear it; for messages of this many bytes. */
  room?: (messageBytes: number, topic?: string) => Room;
  /** A room of text lines or objects over a byte stream, which may be of any content. */
  dialect?: Dialect;
  /** Each request has one right reply. */
  requests?: Requests;
  /** Requests over a byte stream that are answered by lines, with those at which servers break. */
  dialogue?: Dialogue;
  /** It takes files. */
  files?: true;
  /** The file whose default export it is, if it is none of ours: a fleet, which is another process, loads it there. */
  module?: string;
  /** Nanoseconds that its own code takes for each delivery or reply; absent where constant bytes are compared. */
  parserNs?: number;
};

/** What a unit that is no message asks for: bytes to send, or nothing, or it is not known (undefined). */
export type React = (
  bytes: Uint8Array,
  from: number,
  end: number,
  role: Role,
) => Uint8Array | typeof ignore | undefined;

/** How a server knows who speaks: ids count up from 1 and are never given twice. */
export type Speaker = { id: number /** `ip:port`, IPv6 in brackets, or `unix:<id>` */; address: string };

/**
 * A room from the client's side. A delivery is constant bytes, the message, constant bytes (what the framing puts around
 * them is just more of these), so that one reader verifies them all; where the header varies, `find` tells where the
 * message stands.
 */
export type Room = Pick<Protocol, "framing" | "react" | "promises"> & {
  sendPrefix: Uint8Array;
  sendSuffix: Uint8Array;
  /** What stands before a message of this speaker when it is delivered, and behind it. */
  deliveryPrefix: (speaker: { address: string; id: string | number }) => Uint8Array;
  deliverySuffix: Uint8Array;
  /** Changes a message that has been written in place, as masking does. */
  seal?: (view: DataView, at: number, messageBytes: number) => void;
  /** Where in a unit's payload the message stands. */
  find?: (unit: Unit) => readonly [from: number, to: number] | undefined;
  /** Writes what differs from one message to the next into what stands before it, in place. */
  number?: (prefix: Uint8Array, count: number) => void;
  /** What a delivery's payload is to be answered with, as it is sent. */
  acknowledge?: (unit: Unit) => Uint8Array;
};

/** Requests that can be told apart, each with the bytes of its one right reply. */
export type Requests = Pick<Protocol, "framing" | "react" | "promises"> & {
  /** Whether a reply names its request, so that replies may come in any order; else the order tells. */
  named: boolean;
  /** Connections do not share their requests: each has its own. */
  perConnection: boolean;
  /** A connection asks when it has been answered, unless more is asked for. */
  oneAtATime: boolean;
  /**
   * The request at a place of a pool: those at the edges of the protocol first, then what follows from `random`.
   * Undefined where it has no right reply.
   */
  at: (place: number, id: number, random: () => number, me?: Me) => PooledRequest | undefined;
  /** The request with this body, where bodies are echoed. */
  echo?: (id: number, body: Uint8Array, me?: Me) => PooledRequest;
  /** Where the header of a reply varies: what of its payload is to be as `reply` has it. */
  essence?: (unit: Unit) => Uint8Array | undefined;
};

/** `example`: a whole unit as a server may send it, where `reply` is only what must be right of it. */
export type PooledRequest = { bytes: Uint8Array; reply: Uint8Array; text: string; example?: Uint8Array };

/** A request and its reply as bytes of a stream. */
export type Exchanged = { name: string; request: Uint8Array; reply: Uint8Array };

export type Dialogue = {
  /** Requests at the edges of the protocol; the first is a plain one. */
  corpus: readonly Exchanged[];
  /** Any number of others. */
  random: (random: () => number) => () => Exchanged;
};
