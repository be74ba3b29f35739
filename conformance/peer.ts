/** One side of a conversation with the server under test: what it has received, and how it ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { dial } from "../clients/dial.ts";
import type { Target } from "../clients/target.ts";
import { addressText } from "../platform/address.ts";
import { createOutbox, flush, pending, send } from "../platform/outbox.ts";
import { fdOf, setOption } from "../platform/socket-options.ts";
import { note, received, sent, type WireLog } from "./wire-log.ts";

/** More than any case sends; a case that meets it is wrong itself. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** How a connection stands: `ours` means that the case closed it itself. */
export type Ended = "open" | "fin" | "reset" | "ours";

type Waiting = {
  /** Resolves at the next event of this peer, or when the time is over. */
  changed: (milliseconds: number) => Promise<void>;
  wake: () => void;
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

/** Waits until `done` says so, at most so many milliseconds; tells whether it did. */
export async function until(peer: Waiting, milliseconds: number, done: () => boolean): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    if (done()) return true;
    const left = deadline - performance.now();
    if (left <= 0) return false;
    await peer.changed(left);
  }
}

export type TcpPeer = Waiting & {
  readonly kind: "tcp";
  readonly name: string;
  /** Most milliseconds that an expectation waits. */
  readonly patience: number;
  /** `ip:port` as the server sees it; empty behind a Unix socket. */
  readonly address: string;
  ended: Ended;
  /** What has come and no expectation has taken yet. */
  unread: () => Buffer;
  take: (bytes: number) => Buffer;
  send: (bytes: Uint8Array | string) => void;
  /** Whether the kernel has taken all that was sent. */
  allSent: () => boolean;
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

export type PeerOptions = { name: string; at: Target; log: WireLog; patience: number };

/** Connects; rejects when nobody listens. `receiveBuffer` makes a reader that fills up soon. */
export async function connectTcp(options: PeerOptions & { receiveBuffer?: number }): Promise<TcpPeer> {
  const { name, at, log, patience, receiveBuffer } = options;
  const waiting = createWaiting();
  const outbox = createOutbox(MAX_WAITING_BYTES);
  let chunks: Buffer[] = [];
  let finishing = false;
  let ignoring = false;
  const end = (how: Ended) => {
    if (peer.ended !== "open") return;
    peer.ended = how;
    note(log, name, how === "reset" ? "← reset" : how === "fin" ? "← FIN" : "closed by the case");
    waiting.wake();
  };
  const finishIfSent = () => {
    if (!finishing || pending(outbox) > 0) return;
    finishing = false;
    note(log, name, "→ FIN");
    socket.shutdown();
  };
  const socket = await dial(
    at,
    {
      data(_socket, bytes) {
        received(log, name, bytes);
        if (!ignoring) chunks.push(bytes);
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
  const peer: TcpPeer = {
    ...waiting,
    kind: "tcp",
    name,
    patience,
    address: at.unix === undefined ? addressText(socket.localAddress, socket.localPort) : "",
    ended: "open",
    unread() {
      if (chunks.length > 1) chunks = [Buffer.concat(chunks)];
      return chunks[0] ?? Buffer.alloc(0);
    },
    take(bytes) {
      const all = peer.unread();
      chunks = all.length > bytes ? [all.subarray(bytes)] : [];
      return all.subarray(0, bytes);
    },
    send(data) {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      sent(log, name, bytes);
      send(outbox, socket, bytes);
    },
    allSent: () => pending(outbox) === 0,
    finish() {
      finishing = true;
      finishIfSent();
    },
    ignore() {
      ignoring = true;
      chunks = [];
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
  note(log, name, at.unix === undefined ? `connected from ${peer.address}` : `connected to ${at.unix}`);
  return peer;
}

export type UdpPeer = Waiting & {
  readonly kind: "udp";
  readonly name: string;
  readonly patience: number;
  readonly address: string;
  readonly ended: Ended;
  /** Datagrams that have come and no expectation has taken yet. */
  readonly datagrams: Buffer[];
  send: (bytes: Uint8Array | string) => void;
  close: () => void;
};

export async function openUdp({ name, at, log, patience }: PeerOptions): Promise<UdpPeer> {
  const waiting = createWaiting();
  const datagrams: Buffer[] = [];
  const { hostname, port } = at;
  const ours = hostname.includes(":") ? "::1" : "127.0.0.1";
  const socket = await Bun.udpSocket({
    hostname: ours,
    socket: {
      data(_socket, bytes: Buffer) {
        received(log, name, bytes);
        datagrams.push(bytes);
        waiting.wake();
      },
      // Without a handler an ICMP port unreachable would end the process (Bun 1.4.5).
      error: () => note(log, name, "← the port is unreachable"),
    },
  });
  const address = addressText(ours, socket.port);
  note(log, name, `sends from ${address}`);
  let closed = false;
  return {
    ...waiting,
    kind: "udp",
    name,
    patience,
    address,
    ended: "open",
    datagrams,
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
}

export { sleep };
