// Clients for the tests of the peers. Every wait is bounded, and says what it waited for.
import type { Socket } from "bun";

const WAIT_MS = 8_000;

export const NOT_UTF8 = new Uint8Array([0xff, 0xfe]);

/** Rejects when nothing came for too long, saying what was waited for. */
export function within<T>(what: string, wait: Promise<T>): Promise<T> {
  let timer: Timer;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${WAIT_MS} ms for ${what}`)), WAIT_MS);
  });
  return Promise.race([wait, late]).finally(() => clearTimeout(timer));
}

/** A queue of what came, and a bounded wait for more of it. */
class Inbox {
  closed = false;
  #wake: (() => void) | undefined;

  changed(): void {
    this.#wake?.();
  }

  close(): void {
    this.closed = true;
    this.changed();
  }

  /** Waits until `ready` says true, or the stream is over. */
  async until(what: string, ready: () => boolean): Promise<void> {
    while (!ready() && !this.closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await within(what, promise);
    }
  }
}

export interface TcpClient extends Disposable {
  address: string;
  /** Writes, and waits until the system has taken it all. */
  send(data: string | Uint8Array): Promise<void>;
  halfClose(): void;
  /** As many bytes as `expected` has, whatever they are: for a toBe(expected). */
  read(expected: string): Promise<string>;
  /** All until `text` has come, and it. */
  readThrough(text: string): Promise<string>;
  /** All that is still to come until the connection ends. */
  rest(): Promise<string>;
}

export async function tcpClient(port: number): Promise<TcpClient> {
  const inbox = new Inbox();
  let received = Buffer.alloc(0);
  let drained: (() => void) | undefined;
  const socket: Socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    socket: {
      data(_, chunk) {
        received = Buffer.concat([received, chunk]);
        inbox.changed();
      },
      drain: () => drained?.(),
      end: () => inbox.close(),
      close: () => inbox.close(),
      error: () => inbox.close(),
    },
  });
  const take = (length: number) => {
    const taken = received.subarray(0, length).toString();
    received = received.subarray(length);
    return taken;
  };
  return {
    address: `127.0.0.1:${socket.localPort}`,
    async send(data) {
      let left = Buffer.from(data);
      for (;;) {
        const { promise, resolve } = Promise.withResolvers<void>();
        drained = resolve;
        left = left.subarray(Math.max(0, socket.write(left)));
        if (left.length === 0) break;
        await within("room to write", promise);
      }
      socket.flush();
    },
    halfClose: () => socket.shutdown(),
    async read(expected) {
      const length = Buffer.byteLength(expected);
      await inbox.until(JSON.stringify(expected), () => received.length >= length);
      return take(length);
    },
    async readThrough(text) {
      await inbox.until(JSON.stringify(text), () => received.includes(text));
      const at = received.indexOf(text);
      return take(at < 0 ? received.length : at + Buffer.byteLength(text));
    },
    async rest() {
      await inbox.until("the end of the connection", () => false);
      return take(received.length);
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}

export async function udpClient(port: number) {
  const inbox = new Inbox();
  const received: string[] = [];
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data(_, datagram) {
        received.push(datagram.toString());
        inbox.changed();
      },
    },
  });
  return {
    address: `127.0.0.1:${socket.port}`,
    send: (payload: string) => socket.send(payload, port, "127.0.0.1"),
    async next(): Promise<string | undefined> {
      await inbox.until("a datagram", () => received.length > 0);
      return received.shift();
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

export async function wsClient(url: string) {
  const inbox = new Inbox();
  const received: (string | Buffer)[] = [];
  let code = 0;
  const ws = new WebSocket(url);
  ws.binaryType = "nodebuffer";
  ws.onmessage = ({ data }) => {
    received.push(data);
    inbox.changed();
  };
  ws.onclose = (event) => {
    code = event.code;
    inbox.close();
  };
  await within(
    "the upgrade",
    new Promise<void>((resolve, reject) => {
      ws.onopen = () => resolve();
      ws.onerror = () => reject(new Error(`no WebSocket at ${url}`));
    }),
  );
  return {
    send: (message: string | Uint8Array) => ws.send(message),
    ping: (payload: string) => ws.ping(payload),
    async next(): Promise<string | Buffer | undefined> {
      await inbox.until("a message", () => received.length > 0);
      return received.shift();
    },
    /** The close code, once the connection is closed. */
    async closed(): Promise<number> {
      await inbox.until("the close", () => false);
      return code;
    },
    close: () => ws.close(1000),
    [Symbol.dispose]: () => ws.terminate(),
  };
}

/** The opening handshake as a client without a library writes it. */
export function upgrade(path: string, port: number, more = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`;
}
