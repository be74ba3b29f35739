/**
 * WebSocket servers over plain sockets, by hand: the handshake, messages, pings and the close of each connection,
 * and every time by which a connection may be late. Bun's own server frames and sends each message for each
 * recipient anew; whoever says the same to many writes ready frames into the outboxes of the connections instead.
 */
import type { Socket } from "bun";
import { addressText } from "../platform/address.ts";
import { append, type ByteQueue, createByteQueue, queuedBytes, viewQueued } from "../platform/byte-queue.ts";
import {
  createOutbox,
  discard,
  flush,
  type Outbox,
  pending,
  relieve,
  type Store,
  send,
} from "../platform/outbox.ts";
import { closePayload, encodeFrame, FIN, MAX_CONTROL_BYTES, opcodes } from "../protocols/websocket.ts";
import {
  answerHandshake,
  encodeAnswer,
  type HttpAnswer,
  type HttpRequest,
  readRequest,
} from "../protocols/ws-handshake.ts";
import {
  type Closing,
  createMessageBuffer,
  type MessageBuffer,
  type MessageHandler,
  readMessages,
} from "../protocols/ws-messages.ts";
import { listenTcp } from "./listen.ts";
import type { Where } from "./standalone.ts";
import { HANDSHAKE_SECONDS } from "./websocket.ts";

/** How long a connection that is closed may take to read what is left for it, and to close its side. */
const LINGER_SECONDS = 5;
const CONTROL_FRAME_BYTES = 2 + MAX_CONTROL_BYTES;

export type Connection<T> = {
  readonly socket: Socket<Connection<T>>;
  /** `ip:port`; `unix:<n>` behind a Unix socket. */
  readonly address: string;
  readonly outbox: Outbox;
  readonly messages: MessageBuffer;
  /** What the server knows of it: from the handshake until it has left. */
  member: T | undefined;
  /** What has come of the request; undefined once it has been answered. */
  head: ByteQueue | undefined;
  /** No more is said to it, nor heard: what waits is written, then FIN. */
  finished: boolean;
  lastHeard: number;
  lastPing: number;
  /** When it is cut off (performance.now), whatever it does: while it is no WebSocket yet, or no more. */
  deadline: number;
};

export type WsServerOptions<T> = {
  where: Where;
  /** Maximum bytes of one message. */
  messageBytes: number;
  /** Maximum bytes that wait for one connection; whoever has more after a send is to be evicted. */
  queueBytes: number;
  /** Where what waits for all connections is kept, and bounded. */
  store: Store;
  /** Maximum bytes of one send: there is room for it past `queueBytes`, so that a queue always ends between frames. */
  sendBytes: number;
  pingSeconds: number;
  silenceSeconds: number;
  handshakeSeconds?: number;
  lingerSeconds?: number;
  /** The answer to a request, or undefined where it may become a WebSocket. */
  answer: (request: HttpRequest) => HttpAnswer | undefined;
  opened: (connection: Connection<T>) => T;
  /** A whole text or binary message, valid during the call. */
  message: (member: T, opcode: number, bytes: Uint8Array, from: number, to: number) => void;
  /** It leaves, however that came; called once. What is to stand before its close frame can still be sent. */
  leaving: (member: T) => void;
};

export type WsServer<T> = ReturnType<typeof serveWebSockets<T>>;

/** What all its connections share. */
type Server<T> = {
  readonly options: WsServerOptions<T>;
  readonly connections: Set<Connection<T>>;
  readonly counters: { evicted: number; silent: number; unread: number };
  readonly handshakeSeconds: number;
  readonly lingerSeconds: number;
  readonly outboxBytes: number;
  unnamed: number;
};

export function serveWebSockets<T>(options: WsServerOptions<T>) {
  const server: Server<T> = {
    options,
    connections: new Set(),
    counters: { evicted: 0, silent: 0, unread: 0 },
    handshakeSeconds: options.handshakeSeconds ?? HANDSHAKE_SECONDS,
    lingerSeconds: options.lingerSeconds ?? LINGER_SECONDS,
    outboxBytes: options.queueBytes + options.sendBytes + 2 * CONTROL_FRAME_BYTES,
    unnamed: 0,
  };
  const listener = listenTcp<Connection<T>>(options.where, {
    open: (socket) => accept(server, socket),
    data: (connection, chunk) => receive(server, connection, chunk),
    drain: drained,
    // One who sends a request and FIN still gets the answer.
    end: (connection) => finish(server, connection),
    close: (connection) => gone(server, connection),
  });
  const shortest = Math.min(options.pingSeconds, options.silenceSeconds);
  const timer = setInterval(() => sweep(server), Math.min(1000, shortest * 100));
  return {
    port: listener.port,
    close: (connection: Connection<T>, closing: Closing) => close(server, connection, closing),
    /** For one whose queue is too full. */
    evict: (connection: Connection<T>) => evict(server, connection),
    counters: server.counters as Readonly<typeof server.counters>,
    stop(closing: Closing): void {
      clearInterval(timer);
      for (const connection of server.connections) if (connection.member) close(server, connection, closing);
      listener.stop();
    },
  };
}

function accept<T>(server: Server<T>, socket: Socket<Connection<T>>): void {
  const now = performance.now();
  const connection: Connection<T> = {
    socket,
    address: socket.remoteAddress
      ? addressText(socket.remoteAddress, socket.remotePort)
      : `unix:${++server.unnamed}`,
    outbox: createOutbox(server.outboxBytes, server.options.store, () => cut(server, connection)),
    messages: createMessageBuffer(),
    member: undefined,
    head: createByteQueue(),
    finished: false,
    lastHeard: now,
    lastPing: now,
    deadline: now + server.handshakeSeconds * 1000,
  };
  socket.data = connection;
  server.connections.add(connection);
}

function receive<T>(server: Server<T>, connection: Connection<T>, chunk: Uint8Array): void {
  // After the end whatever comes is read and thrown away: unread, it would make the close a reset.
  if (connection.finished) return;
  connection.lastHeard = performance.now();
  if (connection.head) shake(server, connection, connection.head, chunk);
  else hear(server, connection, chunk);
}

/** Gathers the request and answers it: the handshake, or HTTP, which is then over. */
function shake<T>(server: Server<T>, connection: Connection<T>, queue: ByteQueue, chunk: Uint8Array): void {
  const looked = queuedBytes(queue);
  append(queue, chunk);
  const head = viewQueued(queue);
  const request = readRequest(head, looked);
  if (!request) return;
  connection.head = undefined;
  const [reply, method] =
    "status" in request
      ? [request, "GET"]
      : [server.options.answer(request) ?? answerHandshake(request), request.method];
  if ("status" in reply) finish(server, connection, encodeAnswer(reply, method));
  else if (!send(connection.outbox, connection.socket, reply)) drop(server, connection);
  else open(server, connection);
  if (connection.member && "end" in request && head.length > request.end)
    hear(server, connection, head.subarray(request.end));
}

function open<T>(server: Server<T>, connection: Connection<T>): void {
  connection.deadline = Number.POSITIVE_INFINITY;
  connection.member = server.options.opened(connection);
}

function hear<T>(server: Server<T>, connection: Connection<T>, chunk: Uint8Array): void {
  const onMessage: MessageHandler = (opcode, bytes, from, to) => {
    const { member } = connection;
    if (member === undefined) return false;
    if (opcode === opcodes.close)
      finish(server, connection, closeFrame(bytes.subarray(from, Math.min(to, from + 2))));
    else if (opcode === opcodes.ping) say(server, connection, opcodes.pong, bytes.subarray(from, to));
    else if (opcode !== opcodes.pong) server.options.message(member, opcode, bytes, from, to);
    return !connection.finished;
  };
  const fault = readMessages(connection.messages, chunk, server.options.messageBytes, onMessage);
  if (fault) close(server, connection, fault);
}

function say<T>(
  server: Server<T>,
  connection: Connection<T>,
  opcode: number,
  payload: Uint8Array | string,
): void {
  const { outbox, socket } = connection;
  if (!send(outbox, socket, encodeFrame(FIN | opcode, payload))) drop(server, connection);
  else if (pending(outbox) > server.options.queueBytes) evict(server, connection);
  relieve(server.options.store);
}

function evict<T>(server: Server<T>, connection: Connection<T>): void {
  // A socket that its peer has closed takes nothing either, but nothing waits for it: that is no slow reader.
  if (pending(connection.outbox) > 0) server.counters.evicted++;
  close(server, connection, { code: 1008, reason: "you read too slowly" });
}

/** All together have too much waiting, and this one is furthest behind: there is no time to tell it. */
function cut<T>(server: Server<T>, connection: Connection<T>): void {
  if (connection.finished) server.counters.unread++;
  else server.counters.evicted++;
  drop(server, connection);
}

/** Closes a connection and tells it why; it is not waited for. */
function close<T>(server: Server<T>, connection: Connection<T>, { code, reason }: Closing): void {
  finish(server, connection, closeFrame(closePayload(code, reason)));
}

/** Sends these last bytes, then FIN; the peer's close ends it, or its deadline. */
function finish<T>(server: Server<T>, connection: Connection<T>, lastBytes?: Uint8Array): void {
  if (connection.finished) return;
  leave(server, connection);
  connection.finished = true;
  if (lastBytes && !send(connection.outbox, connection.socket, lastBytes)) {
    drop(server, connection);
    return;
  }
  connection.deadline = performance.now() + server.lingerSeconds * 1000;
  endStream(connection);
}

function endStream<T>({ outbox, socket }: Connection<T>): void {
  // `end()` would lose what is on its way (Bun 1.4.5), `shutdown()` sends FIN behind it.
  if (pending(outbox) === 0) socket.shutdown();
}

function leave<T>(server: Server<T>, connection: Connection<T>): void {
  const { member } = connection;
  connection.member = undefined;
  if (member !== undefined) server.options.leaving(member);
}

/** Ends a connection by a reset. */
function drop<T>(server: Server<T>, connection: Connection<T>): void {
  gone(server, connection);
  connection.socket.terminate();
}

function gone<T>(server: Server<T>, connection: Connection<T>): void {
  connection.finished = true;
  server.connections.delete(connection);
  leave(server, connection);
  discard(connection.outbox); // last: whoever leaves is given what was said until now
}

function drained<T>(connection: Connection<T>): void {
  flush(connection.outbox, connection.socket);
  if (connection.finished) endStream(connection);
}

/** All that time does to connections, in one sweep for all of them. */
function sweep<T>(server: Server<T>): void {
  const now = performance.now();
  for (const connection of server.connections) {
    if (now >= connection.deadline) {
      if (pending(connection.outbox) > 0) server.counters.unread++;
      drop(server, connection);
    } else if (connection.member === undefined) continue;
    else if (now - connection.lastHeard > server.options.silenceSeconds * 1000) {
      server.counters.silent++;
      close(server, connection, {
        code: 1008,
        reason: `nothing came for ${server.options.silenceSeconds} s`,
      });
    } else if (now - connection.lastPing >= server.options.pingSeconds * 1000) {
      connection.lastPing = now;
      say(server, connection, opcodes.ping, "");
    }
  }
}

const closeFrame = (payload: Uint8Array): Uint8Array => encodeFrame(FIN | opcodes.close, payload);
