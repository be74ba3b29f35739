/**
 * Connections as a fleet holds them: over TCP, UDP or WebSocket, all with the same few calls, so that a workload need
 * not know which it has. Connecting is bounded in number at once and in time. joining.ts makes members of them.
 */
import type { udp } from "bun";
import { addressText } from "../platform/address.ts";
import { append, createByteQueue, queuedBytes, viewQueued } from "../platform/byte-queue.ts";
import { createOutbox, flush, type Outbox, pending, send } from "../platform/outbox.ts";
import { fileLimit, fileTableIsFull } from "../platform/proc.ts";
import { fdOf, growReceiveBuffer } from "../platform/socket-options.ts";
import { udpPlace } from "../platform/udp-source.ts";
import { acceptFor, createKey, handshakeRequest, readHead, statusOf } from "../protocols/websocket.ts";
import { dial } from "./dial.ts";
import { type Endpoint, shownUrl } from "./endpoint.ts";
import { Unreachable } from "./unreachable.ts";

export type Member = {
  index: number;
  /** Of the connection by which it hears, where its bytes can be read beside Bun: over TCP without TLS. */
  fd: number | undefined;
  /** Its own address, as a server sees it on the same machine. */
  address: string;
  port: number;
  /** What the server called it when it joined; empty where it does not say. */
  id: string;
  /** Offers bytes; false when the connection can take no more and would have to drop them. */
  send: (bytes: Uint8Array, from: number, to: number) => boolean;
  /** Bytes that the kernel has taken: what is queued here is not among them. */
  taken: () => number;
  pending: () => number;
  /** Ends what it says and still listens (a half-close), unless something said is still queued here; TCP alone. */
  finish: () => void;
  close: () => void;
  /** Leaves without a word: a reset over TCP. */
  reset: () => void;
  /** Joins again, where what said so may have been lost. */
  rejoin?: () => void;
};

/** What a WebSocket's handshake says beside the usual. */
export type Handshake = { subprotocol?: string; headers?: Record<string, string> };

/** Opens one connection. */
export type Open = (target: Endpoint, index: number, handlers: MemberHandlers) => Promise<Member>;

export type MemberHandlers = {
  onBytes: (index: number, chunk: Uint8Array) => void;
  /** The server closed the connection, or refuses datagrams; not called after `close`. */
  onLost: (index: number, reason: string) => void;
  handshake?: (index: number) => Handshake;
};

/** Bytes that may wait in the client for one connection that the server does not read. */
const OUTBOX_BYTES = 4 * 1_048_576;
/** Read while there is still a descriptor to read it with. */
const OPEN_FILES = fileLimit()?.soft ?? "?";
const CONNECT_TIMEOUT_MS = 5000;
/** A handshake's answer is longer than this in no honest server. */
const MAX_HEAD_BYTES = 16_384;
const CONNECTING_AT_ONCE = 128;
/** Room for some thousands of small datagrams a client: the default holds about 256. */
const UDP_RECEIVE_BUFFER_BYTES = 4 * 1_048_576;

/** Opens `count` members of the target, in order. Throws `Unreachable` with what stopped it. */
export async function openMembers(
  target: Endpoint,
  count: number,
  handlers: MemberHandlers,
  open: Open = openConnection,
): Promise<Member[]> {
  const { members, limit } = await openAsMany(target, count, handlers, open);
  if (limit === undefined) return members;
  for (const member of members) member.close();
  throw new Unreachable(limit);
}

/** Opens up to `count` members, in order: as many as can be had, and what stopped it where it was stopped. */
export async function openAsMany(
  target: Endpoint,
  count: number,
  handlers: MemberHandlers,
  open: Open = openConnection,
): Promise<{ members: Member[]; limit?: string }> {
  const members: Member[] = [];
  while (members.length < count) {
    const batch = Array.from({ length: Math.min(CONNECTING_AT_ONCE, count - members.length) }, (_, i) =>
      open(target, members.length + i, handlers),
    );
    const settled = await Promise.allSettled(batch);
    for (const one of settled) if (one.status === "fulfilled") members.push(one.value);
    const failed = settled.find((one) => one.status === "rejected");
    // Before anything is closed: what stopped it may be that too much was open.
    if (failed) return { members, limit: connectReason(target, failed.reason, members.length) };
  }
  return { members };
}

const openers: Record<Endpoint["transport"], Open> = {
  tcp: openTcp,
  udp: openUdp,
  ws: openWebSocket,
};

/** A connection that has said nothing yet, but for a WebSocket's handshake. */
export const openConnection: Open = (target, index, handlers) =>
  openers[target.transport](target, index, handlers);

/** Why connecting failed, in words that say what to do. */
export function connectReason({ url }: Pick<Endpoint, "url">, error: unknown, open = 0): string {
  const told = error instanceof Error && "code" in error ? String(error.code) : "";
  // Bun 1.4.5 calls a full file table a refused connection.
  const code = told === "ECONNREFUSED" && fileTableIsFull() ? "EMFILE" : told;
  const text = error instanceof Error ? error.message : String(error);
  const reasons: Record<string, string> = {
    ECONNREFUSED: "connection refused; is the server running?",
    ENOENT: "there is no such socket; is the server running?",
    EMFILE: `the file table is full at ${OPEN_FILES} files; raise it with ulimit -n`,
    ENFILE: "the machine's file table is full (fs.file-max)",
    EADDRNOTAVAIL: "no free local port is left (net.ipv4.ip_local_port_range)",
  };
  const after = open > 0 ? ` after ${open} connections` : "";
  return `${shownUrl(url)} cannot be reached${after}: ${reasons[code] ?? text}`;
}

async function withTimeout<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took over ${CONNECT_TIMEOUT_MS / 1000} s`)),
      CONNECT_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function openTcp(target: Endpoint, index: number, handlers: MemberHandlers): Promise<Member> {
  const outbox: Outbox = createOutbox(OUTBOX_BYTES);
  let closing = false;
  let lost = false;
  const lose = (reason: string) => {
    if (closing || lost) return;
    lost = true;
    handlers.onLost(index, reason);
  };
  const socket = await dial(target, {
    data: (_, chunk) => handlers.onBytes(index, chunk),
    drain: (socket) => flush(outbox, socket),
    close: (_, error) => lose(error ? `reset (${error.message})` : "closed by the server"),
    error: (_, error) => lose(error.message),
  });
  return {
    index,
    fd: target.tls ? undefined : fdOf(socket),
    address: target.unix === undefined ? addressText(socket.localAddress, socket.localPort) : "",
    port: socket.localPort ?? 0,
    id: "",
    send: (bytes, from, to) => send(outbox, socket, bytes, from, to),
    taken: () => outbox.taken,
    pending: () => pending(outbox),
    finish() {
      if (pending(outbox) === 0) socket.shutdown();
    },
    close() {
      closing = true;
      socket.end();
    },
    reset() {
      closing = true;
      socket.terminate();
    },
  };
}

/** A WebSocket is a TCP connection with a handshake before it: fleets write and read the frames themselves. */
async function openWebSocket(target: Endpoint, index: number, handlers: MemberHandlers): Promise<Member> {
  const queue = createByteQueue();
  const { subprotocol, headers = {} } = handlers.handshake?.(index) ?? {};
  let upgraded = false;
  let settle: (error?: Error) => void = () => {};
  const answered = new Promise<void>((resolve, reject) => {
    settle = (error) => (error ? reject(error) : resolve());
  });
  answered.catch(() => {});
  const key = createKey(crypto.getRandomValues(new Uint8Array(16)));
  const member = await openTcp(target, index, {
    onBytes(_, chunk) {
      if (upgraded) return handlers.onBytes(index, chunk);
      const looked = queuedBytes(queue);
      append(queue, chunk);
      const head = viewQueued(queue);
      const answer = readHead(head, looked);
      if (!answer && head.length < MAX_HEAD_BYTES) return;
      upgraded = answer?.fields["sec-websocket-accept"] === acceptFor(key) && statusOf(answer) === 101;
      const agreed = answer?.fields["sec-websocket-protocol"];
      const refused = upgraded && agreed !== subprotocol;
      settle(
        refused
          ? new Error(
              `the handshake asked for the subprotocol ${subprotocol ?? "none"}, and it agreed to ${agreed ?? "none"}`,
            )
          : upgraded
            ? undefined
            : new Error(`the handshake was answered with "${answer?.firstLine ?? "no end"}"`),
      );
      if (answer && upgraded && answer.end < head.length) handlers.onBytes(index, head.subarray(answer.end));
    },
    onLost(_, reason) {
      settle(new Error(reason));
      if (upgraded) handlers.onLost(index, reason);
    },
  });
  const fields = {
    ...headers,
    ...(subprotocol === undefined ? {} : { "Sec-WebSocket-Protocol": subprotocol }),
  };
  const request = Buffer.from(
    handshakeRequest(`${target.hostname}:${target.port}`, target.path, key, fields),
  );
  member.send(request, 0, request.length);
  try {
    await withTimeout(answered, "the WebSocket handshake");
  } catch (error) {
    member.close();
    throw error;
  }
  return member;
}

async function openUdp(target: Endpoint, index: number, handlers: MemberHandlers): Promise<Member> {
  let taken = 0;
  let closing = false;
  const lose = (error: unknown) => {
    if (!closing) handlers.onLost(index, connectReason(target, error));
  };
  const { local, peer } = await udpPlace(target.hostname, target.port);
  const socket: udp.ConnectedSocket<"buffer"> = await Bun.udpSocket({
    hostname: local,
    connect: { hostname: peer, port: target.port },
    socket: {
      data: (_, chunk) => handlers.onBytes(index, chunk),
      // Bun 1.4.5 gives the error alone, not the socket before it as typed.
      error: lose as unknown as (socket: udp.ConnectedSocket<"buffer">, error: Error) => void,
    },
  });
  growReceiveBuffer(fdOf(socket), UDP_RECEIVE_BUFFER_BYTES);
  const close = () => {
    closing = true;
    socket.close();
  };
  return {
    index,
    fd: undefined,
    address: addressText(socket.address.address, socket.address.port),
    port: socket.port,
    id: "",
    send(bytes, from, to) {
      try {
        if (socket.send(bytes.subarray(from, to))) taken += to - from;
      } catch (error) {
        lose(error);
      }
      return true;
    },
    taken: () => taken,
    pending: () => 0,
    finish: () => {},
    close,
    reset: close,
  };
}
