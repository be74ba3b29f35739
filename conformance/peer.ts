/** A client of the server under test: what it has received, and how its connection ended. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Socket } from "bun";
import { dial } from "../clients/dial.ts";
import type { Endpoint } from "../clients/endpoint.ts";
import { addressText } from "../platform/address.ts";
import {
  append,
  clearQueue,
  createByteQueue,
  queuedBytes,
  takeQueued,
  viewQueued,
} from "../platform/byte-queue.ts";
import { createOutbox, flush, pending, send } from "../platform/outbox.ts";
import { fdOf, growReceiveBuffer, setOption } from "../platform/socket-options.ts";
import { Violation } from "./violation.ts";
import { note, received, sent, show, type WireLog } from "./wire-log.ts";

/** More than any case sends; a case that exceeds it is wrong itself. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** More than any case lets a server send before it reads: the largest flood that one requests is 10 MB. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
const MAX_UNREAD_DATAGRAMS = 20_000;
/** Room for a burst: what the kernel drops at our own socket is not a fault of the server. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** How a connection has ended: `ours` means that the case closed it. */
export type Ended = "open" | "fin" | "reset" | "ours";

type Waiting = {
  /** Resolves at the next event of this peer, or after the timeout. */
  changed: (milliseconds: number) => Promise<void>;
  wake: () => void;
  /** Set once the server has sent more than any case allows: says how much, and nothing more is kept. */
  flooded?: string;
};

function createWaiting(): Waiting {
  let next = Promise.withResolvers<void>();
  return {
    async changed(milliseconds) {
      const stop = new AbortController();
      const timer = sleep(milliseconds, undefined, { signal: stop.signal }).catch(() => {});
      await Promise.race([next.promise, timer]);
      stop.abort();
    },
    wake() {
      next.resolve();
      next = Promise.withResolvers<void>();
    },
  };
}

/**
 * Waits until `done` returns true, at most so many milliseconds; returns whether it did. A Violation when the server
 * floods this peer.
 */
export async function until(
  peer: Waiting & { readonly name: string },
  milliseconds: number,
  done: () => boolean,
): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    if (done()) return true;
    if (peer.flooded !== undefined)
      throw new Violation(`${peer.name} receives what the case expects and no flood`, peer.flooded);
    const left = deadline - performance.now();
    if (left <= 0) return false;
    await peer.changed(left);
  }
}

export type TcpPeer = Waiting & {
  readonly kind: "tcp";
  readonly name: string;
  /** Maximum milliseconds that an expectation waits. */
  readonly timeout: number;
  /** `ip:port` as the server sees it; empty behind a Unix socket. */
  readonly address: string;
  ended: Ended;
  /** What was received and no expectation has taken yet. */
  unread: () => Buffer;
  take: (bytes: number) => Buffer;
  send: (bytes: Uint8Array | string) => void;
  /** Whether the kernel has taken all that was sent. */
  allSent: () => boolean;
  /** Bytes that the kernel has taken. */
  taken: () => number;
  /** Bytes received, ignored ones included. */
  received: () => number;
  /** Half-closes with a FIN; reading goes on. */
  finish: () => void;
  /** Discards whatever is received from now on. */
  ignore: () => void;
  /** Stops reading, so that the server's writes back up; `read` resumes. */
  stopReading: () => void;
  read: () => void;
  close: () => void;
  /** Closes with a reset instead of a FIN. */
  reset: () => void;
};

export type PeerOptions = { name: string; at: Endpoint; log: WireLog; timeout: number };

/** Connects; rejects when nothing listens. A small `receiveBuffer` fills up soon. */
export async function connectTcp(options: PeerOptions & { receiveBuffer?: number }): Promise<TcpPeer> {
  const { name, at, log, timeout, receiveBuffer } = options;
  const waiting = createWaiting();
  const outbox = createOutbox(MAX_WAITING_BYTES);
  const inbox = createByteQueue();
  let receivedBytes = 0;
  let finishing = false;
  let ignoring = false;
  const end = (how: Ended) => {
    if (peer.ended !== "open") return;
    peer.ended = how;
    note(log, name, how === "reset" ? "← reset" : how === "fin" ? "← FIN" : "closed by the case");
    waiting.wake();
  };
  const flood = (socket: Socket) => {
    const start = show(viewQueued(inbox).subarray(0, 60));
    peer.flooded = `received over ${MAX_UNREAD_BYTES / 1_048_576} MiB, starting with ${start}; stopped reading`;
    clearQueue(inbox);
    note(log, name, "stops reading: too much was received");
    socket.pause();
  };
  const finishIfSent = () => {
    if (!finishing || pending(outbox) > 0) return;
    finishing = false;
    note(log, name, "→ FIN");
    socket.shutdown();
  };
  // Before the connect: what a server sends at once arrives with the last bytes of a TLS handshake.
  const peer: TcpPeer & { address: string } = {
    ...waiting,
    kind: "tcp",
    name,
    timeout,
    address: "",
    ended: "open",
    unread: () => viewQueued(inbox),
    take: (bytes) => takeQueued(inbox, bytes),
    send(data) {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      sent(log, name, bytes);
      send(outbox, socket, bytes);
    },
    allSent: () => pending(outbox) === 0,
    taken: () => outbox.taken,
    received: () => receivedBytes,
    finish() {
      finishing = true;
      finishIfSent();
    },
    ignore() {
      ignoring = true;
      clearQueue(inbox);
    },
    stopReading() {
      note(log, name, "stops reading");
      socket.pause();
    },
    read() {
      note(log, name, "reads again");
      socket.resume();
    },
    close() {
      end("ours");
      socket.end();
    },
    reset() {
      end("ours");
      socket.terminate();
    },
  };
  const socket: Socket = await dial(
    at,
    {
      data(socket, bytes) {
        if (peer.flooded !== undefined) return;
        received(log, name, bytes);
        receivedBytes += bytes.length;
        if (!ignoring) append(inbox, bytes);
        if (queuedBytes(inbox) > MAX_UNREAD_BYTES) flood(socket);
        waiting.wake();
      },
      drain(socket) {
        flush(outbox, socket);
        finishIfSent();
        waiting.wake();
      },
      end: () => end("fin"),
      close: (_socket, error) => end(error ? "reset" : "fin"),
      error: () => end("reset"),
    },
    { allowHalfOpen: true },
  );
  if (receiveBuffer) setOption(fdOf(socket), "SO_RCVBUF", receiveBuffer);
  if (at.unix === undefined) peer.address = addressText(socket.localAddress, socket.localPort);
  note(log, name, at.unix === undefined ? `connected from ${peer.address}` : `connected to ${at.unix}`);
  return peer;
}

export type UdpPeer = Waiting & {
  readonly kind: "udp";
  readonly name: string;
  readonly timeout: number;
  readonly address: string;
  readonly ended: Ended;
  /** Datagrams that were received and no expectation has taken yet. */
  readonly datagrams: Buffer[];
  /** From now on only datagrams that start with these bytes are kept. */
  hearOnly: (start: Uint8Array) => void;
  send: (bytes: Uint8Array | string) => void;
  close: () => void;
};

export async function openUdp({ name, at, log, timeout }: PeerOptions): Promise<UdpPeer> {
  const waiting = createWaiting();
  const datagrams: Buffer[] = [];
  let wanted: Uint8Array = new Uint8Array(0);
  /** Bytes received since nothing was unread: at least those that are queued. */
  let unreadBytes = 0;
  const flood = () => {
    peer.flooded = `received ${datagrams.length} datagrams, the first ${show(datagrams[0], 60)}; the rest is discarded`;
    datagrams.length = 0;
    note(log, name, "discards the rest: too much was received");
  };
  const { hostname, port } = at;
  const ours = hostname.includes(":") ? "::1" : "127.0.0.1";
  const socket = await Bun.udpSocket({
    hostname: ours,
    socket: {
      data(_socket, bytes: Buffer, from) {
        // Another server may still have this port in its table, from a client that had it before.
        if (from !== port) return note(log, name, `ignores a datagram from port ${from}: not the server's`);
        if (peer.flooded !== undefined || !bytes.subarray(0, wanted.length).equals(wanted)) return;
        received(log, name, bytes);
        unreadBytes = bytes.length + (datagrams.length === 0 ? 0 : unreadBytes);
        datagrams.push(bytes);
        if (datagrams.length > MAX_UNREAD_DATAGRAMS || unreadBytes > MAX_UNREAD_BYTES) flood();
        waiting.wake();
      },
      // Without a handler an ICMP port unreachable would end the process (Bun 1.4.5).
      error: () => note(log, name, "← port unreachable"),
    },
  });
  growReceiveBuffer(fdOf(socket), RECEIVE_BUFFER_BYTES);
  const address = addressText(ours, socket.port);
  note(log, name, `sends from ${address}`);
  let closed = false;
  const peer: UdpPeer = {
    ...waiting,
    kind: "udp",
    name,
    timeout,
    address,
    ended: "open",
    datagrams,
    hearOnly(start) {
      wanted = start;
      note(log, name, `keeps only datagrams that start with ${show(start)}`);
    },
    send(data) {
      // The case has ended, and what it still has in hand with it.
      if (closed) return;
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      sent(log, name, bytes);
      try {
        socket.send(bytes, port, hostname);
      } catch {
        // The error of an earlier datagram; this one has not been sent (Bun 1.4.5).
        socket.send(bytes, port, hostname);
      }
    },
    close() {
      if (!closed) socket.close();
      closed = true;
    },
  };
  return peer;
}

export { sleep };
