/** One side of a conversation with the server under test: what it has received, and how it ended. */
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

/** More than any case sends; a case that meets it is wrong itself. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** More than any case lets a server send before it looks at it: a flood of 10 MB is the most that one asks for. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
const MAX_UNREAD_DATAGRAMS = 20_000;
/** Room for a burst: what the kernel drops at our own socket is no fault of a server. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** How a connection stands: `ours` means that the case closed it itself. */
export type Ended = "open" | "fin" | "reset" | "ours";

type Waiting = {
  /** Resolves at the next event of this peer, or when the time is over. */
  changed: (milliseconds: number) => Promise<void>;
  wake: () => void;
  /** What has come is more than any case lets a server send: in words, and nothing more is kept. */
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
 * Waits until `done` says so, at most so many milliseconds; tells whether it did. A Violation when the server sends
 * this peer without end.
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
      throw new Violation(`${peer.name} receives what the case asks for and no flood`, peer.flooded);
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
  /** What has come and no expectation has taken yet. */
  unread: () => Buffer;
  take: (bytes: number) => Buffer;
  send: (bytes: Uint8Array | string) => void;
  /** Whether the kernel has taken all that was sent. */
  allSent: () => boolean;
  /** Bytes that it has taken. */
  taken: () => number;
  /** Bytes that have come, ignored or not. */
  received: () => number;
  /** FIN: nothing more will be sent, reading goes on. */
  finish: () => void;
  /** Whatever comes from now on is thrown away. */
  ignore: () => void;
  /** Stops reading, so that the server's writes pile up; `read` goes on. */
  stopReading: () => void;
  read: () => void;
  close: () => void;
  /** A reset instead of a FIN. */
  reset: () => void;
};

export type PeerOptions = { name: string; at: Endpoint; log: WireLog; timeout: number };

/** Connects; rejects when nobody listens. `receiveBuffer` makes a reader that fills up soon. */
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
    peer.flooded = `came over ${MAX_UNREAD_BYTES / 1_048_576} MiB, beginning with ${start}; no more is read`;
    clearQueue(inbox);
    note(log, name, "reads no more: too much has come");
    socket.pause();
  };
  const finishIfSent = () => {
    if (!finishing || pending(outbox) > 0) return;
    finishing = false;
    note(log, name, "→ FIN");
    socket.shutdown();
  };
  // Before the connect: what a server says at once comes with the last bytes of a TLS handshake.
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
  /** Datagrams that have come and no expectation has taken yet. */
  readonly datagrams: Buffer[];
  /** From now on only datagrams that begin like this are kept. */
  hearOnly: (start: Uint8Array) => void;
  send: (bytes: Uint8Array | string) => void;
  close: () => void;
};

export async function openUdp({ name, at, log, timeout }: PeerOptions): Promise<UdpPeer> {
  const waiting = createWaiting();
  const datagrams: Buffer[] = [];
  let wanted: Uint8Array = new Uint8Array(0);
  /** What has come since there was nothing unread: at least what waits. */
  let unreadBytes = 0;
  const flood = () => {
    peer.flooded = `came ${datagrams.length} datagrams, the first ${show(datagrams[0], 60)}; no more are kept`;
    datagrams.length = 0;
    note(log, name, "keeps no more: too much has come");
  };
  const { hostname, port } = at;
  const ours = hostname.includes(":") ? "::1" : "127.0.0.1";
  const socket = await Bun.udpSocket({
    hostname: ours,
    socket: {
      data(_socket, bytes: Buffer) {
        if (peer.flooded !== undefined || !bytes.subarray(0, wanted.length).equals(wanted)) return;
        received(log, name, bytes);
        unreadBytes = bytes.length + (datagrams.length === 0 ? 0 : unreadBytes);
        datagrams.push(bytes);
        if (datagrams.length > MAX_UNREAD_DATAGRAMS || unreadBytes > MAX_UNREAD_BYTES) flood();
        waiting.wake();
      },
      // Without a handler an ICMP port unreachable would end the process (Bun 1.4.5).
      error: () => note(log, name, "← the port is unreachable"),
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
      note(log, name, `hears only what begins with ${show(start)}`);
    },
    send(data) {
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
