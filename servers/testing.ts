/**
 * What the servers' tests share: raw clients that collect what comes and wait for it with a bound. Nothing here knows a protocol, but for the WebSocket client, which is Bun's own.
 */
import type { Socket } from "bun";
import { append, createByteQueue, queuedBytes, takeQueued, viewQueued } from "../platform/byte-queue.ts";
import { WAIT_MS } from "./testing-programs.ts";

export {
  type Program,
  type ProgramOptions,
  runProgram,
  startProgram,
  WAIT_MS,
} from "./testing-programs.ts";

/** Waits that are looked at again whenever something has happened. */
function createWaits(state: () => string) {
  const waits = new Set<() => void>();
  return {
    happened: () => {
      for (const look of [...waits]) look();
    },
    until: (isSo: () => boolean, what: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waits.delete(look);
          reject(new Error(`waited ${WAIT_MS} ms for ${what}; there is ${state()}`));
        }, WAIT_MS);
        const look = () => {
          if (!isSo()) return;
          clearTimeout(timer);
          waits.delete(look);
          resolve();
        };
        waits.add(look);
        look();
      }),
  };
}

/** Waits for what no client of this file can tell, bounded. */
export async function eventually(isSo: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + WAIT_MS; !isSo(); await Bun.sleep(5))
    if (performance.now() >= end) throw new Error(`waited ${WAIT_MS} ms for ${what}`);
}

const excerpt = (text: string) => JSON.stringify(text.length > 400 ? `…${text.slice(-400)}` : text);

export type RawClient = Awaited<ReturnType<typeof connectRaw>>;
export type Place = { hostname: string; port: number } | { unix: string };

/** Host and port of a server's url. */
export function placeOf(url: string): { hostname: string; port: number } {
  const { hostname, port } = new URL(url.replace(/^\w+:/, "http:"));
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** A TCP client (TLS, Unix socket) that keeps all bytes that came. */
export async function connectRaw(at: string | Place, tls?: { ca: string }) {
  const place = typeof at === "string" ? placeOf(at) : at;
  const chunks: Buffer[] = [];
  const unread = createByteQueue();
  let closed = false;
  let ended = false;
  const bytes = () => Buffer.concat(chunks);
  const waits = createWaits(() => `${excerpt(bytes().toString())}${ended || closed ? ", closed" : ""}`);
  let rest: Buffer = Buffer.alloc(0);
  const push = () => {
    const taken = socket.write(rest);
    if (taken > 0) rest = rest.subarray(taken);
    waits.happened();
  };
  const socket: Socket = await Bun.connect({
    ...(place as { hostname: string; port: number }),
    ...(tls ? { tls } : {}),
    allowHalfOpen: true,
    socket: {
      data: (_socket, chunk) => {
        chunks.push(chunk);
        append(unread, chunk);
        waits.happened();
      },
      drain: push,
      end: () => {
        ended = true;
        waits.happened();
      },
      close: () => {
        closed = true;
        waits.happened();
      },
      error: () => {},
    },
  });
  return {
    socket,
    /** `ip:port` of this client, as the server sees it. */
    address: `${socket.localAddress?.includes(":") ? `[${socket.localAddress}]` : socket.localAddress}:${socket.localPort}`,
    bytes,
    text: () => bytes().toString(),
    /** How many bytes have come: cheap, for those who wait for much. */
    received: () => chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    write: (data: string | Uint8Array) => {
      rest = Buffer.concat([rest, Buffer.from(data as Uint8Array)]);
      push();
    },
    /** Writes, and waits until the kernel has taken it all. */
    send(data: string | Uint8Array): Promise<void> {
      this.write(data);
      return this.written();
    },
    /** As many bytes as `expected` has, behind those that were read before, whatever they are: for a toBe(expected). */
    async read(expected: string): Promise<string> {
      const length = Buffer.byteLength(expected);
      await waits.until(() => queuedBytes(unread) >= length || closed || ended, excerpt(expected));
      return takeQueued(unread, length).toString();
    },
    /** All until `text` has come, and it. */
    async readThrough(text: string): Promise<string> {
      await waits.until(() => viewQueued(unread).includes(text) || closed || ended, excerpt(text));
      const at = viewQueued(unread).indexOf(text);
      return takeQueued(unread, at < 0 ? queuedBytes(unread) : at + Buffer.byteLength(text)).toString();
    },
    /** All that is still to come until the server closes its side. */
    async rest(): Promise<string> {
      await waits.until(() => closed || ended, "the end of the connection");
      return takeQueued(unread, queuedBytes(unread)).toString();
    },
    /** When the kernel has taken all that was written. */
    written: () => waits.until(() => rest.length === 0 || closed, "all bytes to be taken"),
    /** Sends FIN. */
    finish: () => void socket.shutdown(),
    reset: () => void socket.terminate(),
    [Symbol.dispose]: () => void socket.terminate(),
    until: waits.until,
    /** When the text so far ends with this. */
    untilEnd: (text: string) => waits.until(() => bytes().toString().endsWith(text), excerpt(text)),
    /** When the server has closed its side. */
    untilClosed: () => waits.until(() => closed || ended, "the server to close"),
  };
}

/** A UDP client that keeps each datagram as text. */
export async function connectUdp(url: string) {
  const { hostname: host, port } = placeOf(url);
  // A relay on all addresses is asked by IPv4, and sees its clients as such addresses inside of IPv6.
  const hostname = host === "::1" ? "::1" : "127.0.0.1";
  const seen = { "::1": "[::1]", "::": "[::ffff:127.0.0.1]" }[host] ?? hostname;
  const received: string[] = [];
  const waits = createWaits(() => excerpt(JSON.stringify(received)));
  const socket = await Bun.udpSocket({
    hostname,
    port: 0,
    socket: {
      data: (_socket, payload) => {
        received.push(payload.toString());
        waits.happened();
      },
      error: () => {},
    },
  });
  return {
    socket,
    received,
    address: `${seen}:${socket.port}`,
    send: (payload: string | Uint8Array) => socket.send(payload, port, hostname),
    until: waits.until,
    untilReceived: (text: string) =>
      waits.until(() => received.includes(text), `the datagram ${excerpt(text)}`),
    /** Takes the first one that is there. */
    async next(): Promise<string | undefined> {
      await waits.until(() => received.length > 0, "a datagram");
      return received.shift();
    },
    close: () => socket.close(),
    [Symbol.dispose]: () => socket.close(),
  };
}

/** Bun's own WebSocket client, with all messages that came. */
export async function connectWebSocket(url: string, options: object = {}) {
  const received: (string | Buffer)[] = [];
  let closing: { code: number; reason: string } | undefined;
  const waits = createWaits(
    () => `${excerpt(JSON.stringify(received))} ${JSON.stringify(closing ?? "open")}`,
  );
  const socket = new WebSocket(url, options as never);
  socket.binaryType = "nodebuffer";
  socket.onmessage = ({ data }) => {
    received.push(data as string | Buffer);
    waits.happened();
  };
  socket.onclose = ({ code, reason }) => {
    closing = { code, reason };
    waits.happened();
  };
  socket.onopen = waits.happened;
  await waits.until(() => socket.readyState === WebSocket.OPEN || closing !== undefined, "the handshake");
  return {
    socket,
    received,
    send: (message: string | Uint8Array) => socket.send(message),
    until: waits.until,
    untilReceived: (count: number) => waits.until(() => received.length >= count, `${count} messages`),
    /** Takes the first message that is there; undefined when the connection closes without one. */
    async next(): Promise<string | Buffer | undefined> {
      await waits.until(() => received.length > 0 || closing !== undefined, "a message");
      return received.shift();
    },
    /** The close code and reason, once closed. */
    untilClosed: async () => {
      await waits.until(() => closing !== undefined, "the close");
      return closing!;
    },
    close: () => socket.close(),
    [Symbol.dispose]: () => socket.terminate(),
  };
}
