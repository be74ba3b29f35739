/**
 * What a protocol is to those who measure and judge its servers: a value with a name, a transport, and what it is
 * capable of. Whoever needs a capability asks for it; nobody asks for a name. All of them stand in index.ts.
 */
import type { Dialect } from "./chat.ts";

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
  /** Measured in full by default, and what a target on its transport is taken for when no protocol is named. */
  primary?: true;
  /** One member speaks and the others hear it; for messages of this many bytes. */
  room?: (messageBytes: number) => Room;
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
};

/** What bounds a unit: a newline, the datagram, or the WebSocket frame's own length. */
export type Unit = "line" | "datagram" | "frame";

/** How a server knows who speaks: ids count up from 1 and are never given twice. */
export type Speaker = { id: number /** `ip:port`, IPv6 in brackets, or `unix:<id>` */; address: string };

/**
 * A room from the client's side. For every room protocol a delivery is constant bytes, the message, constant bytes (a
 * WebSocket frame's header is just more of the first), so that one reader verifies them all.
 */
export type Room = {
  unit: Unit;
  /** Whether a sender gets its own messages. */
  echoes: boolean;
  sendPrefix: Uint8Array;
  sendSuffix: Uint8Array;
  /** What stands before a message of this speaker when it is delivered, and behind it. */
  deliveryPrefix: (speaker: Speaker) => Uint8Array;
  deliverySuffix: Uint8Array;
  /** Changes a message that has been written in place, as masking does. */
  seal?: (view: DataView, at: number, messageBytes: number) => void;
  /** A message of up to so many bytes arrives whole, where it arrives. */
  wholeUpTo?: number;
  /** What a server keeps at least for a reader who falls behind, before it may end the connection. */
  queueBytes?: number;
  /** The id that a greeting tells its newcomer. */
  greeting?: RegExp;
  /** What the server says by itself, such as who joined. */
  notice?: RegExp;
};

/** Requests that can be told apart, each with the bytes of its one right reply. */
export type Requests = {
  unit: Unit;
  /** Whether a reply names its request, so that replies may come in any order; else the order tells. */
  named: boolean;
  /**
   * The request at a place of a pool: those at the edges of the protocol first, then what follows from `random`.
   * Undefined where it has no right reply.
   */
  at: (place: number, id: number, random: () => number) => PooledRequest | undefined;
};

export type PooledRequest = { bytes: Uint8Array; reply: Uint8Array; text: string };

/** A request and its reply as bytes of a stream. */
export type Exchanged = { name: string; request: Uint8Array; reply: Uint8Array };

export type Dialogue = {
  /** Requests at the edges of the protocol; the first is a plain one. */
  corpus: readonly Exchanged[];
  /** Any number of others. */
  random: (random: () => number) => () => Exchanged;
};
