/** Servers that send without end cost conform bounded time and memory, and are told as what they are. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Socket } from "bun";
import { memory } from "../platform/proc.ts";
import { acceptFor, readHead } from "../protocols/websocket.ts";

type Session = { block: Buffer; at: number; head: string };

/** Writes what is said first, and then this block again and again, as fast as it is taken. */
function pump(socket: Socket<Session>): void {
  for (const { data } = socket; ; ) {
    if (data.block.length === 0) return;
    const taken = socket.write(data.block, data.at, data.block.length - data.at);
    if (taken <= 0) return;
    data.at = (data.at + taken) % data.block.length;
    if (data.at > 0) return;
  }
}

/** A server that floods whoever connects, or, with `answer`, whoever has sent the head of a request. */
function flooding(block: string, answer?: (key: string) => string) {
  const bytes = Buffer.from(block, "latin1");
  const many = bytes.length < 100 ? Buffer.from(block.repeat(1000), "latin1") : bytes;
  return Bun.listen<Session>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { block: answer ? Buffer.alloc(0) : many, at: 0, head: "" };
        pump(socket);
      },
      data(socket, chunk) {
        const { data } = socket;
        if (!answer || data.block.length > 0) return;
        data.head += chunk.toString("latin1");
        const head = readHead(Buffer.from(data.head));
        if (!head) return;
        socket.write(answer(head.fields["sec-websocket-key"] ?? ""));
        data.block = many;
        pump(socket);
      },
      drain: pump,
    },
  });
}

/** One byte a millisecond, for ever. */
function trickling() {
  const timers = new Map<Socket, Timer>();
  return Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data() {},
      open: (socket) =>
        void timers.set(
          socket,
          setInterval(() => socket.write("{"), 1),
        ),
      close: (socket) => clearInterval(timers.get(socket)),
    },
  });
}

const upgrade = (key: string) =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptFor(key)}\r\n\r\n`;
const page = () => "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";

/** What a run uses by itself is below 100 MB; a flood of 16 MiB is kept of each of a few peers. */
const MAX_BYTES = 600e6;

async function judged(choice: string, url: string) {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "../bench/sockbench.ts"), "conform", choice, "--target", url],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 25_000, killSignal: "SIGKILL" },
  );
  // Looked at while it runs: what is told at its end is never less than what this process had when it was started.
  let peak = 0;
  const look = setInterval(() => {
    peak = memory(child.pid)?.peak ?? peak;
  }, 20);
  const stdout = await child.stdout.text();
  clearInterval(look);
  return { code: await child.exited, stdout, peak };
}

type Row = [
  what: string,
  choice: string,
  url: string,
  start: () => { port: number; stop: (all: true) => void },
];
const tcp = "tcp://127.0.0.1:";
const ws = "ws://127.0.0.1:";
const rows: Row[] = [
  ["lines without end", "chat-welcome/1.1", tcp, () => flooding("User:7has enter\n")],
  ["a line without end", "chat-bracket/1.1", tcp, () => flooding("x".repeat(65_536))],
  ["the beginnings of notices without end", "chat-stamped/1.1", tcp, () => flooding("[SERVER] Client 1")],
  ["a byte now and then", "chat-json/1.1", tcp, trickling],
  ["replies without end", "sum-tcp/1.1", tcp, () => flooding("{")],
  ["a head without end", "rfc6455/1.1", `${ws}PORT/`, () => flooding("X: y\r\n", () => "HTTP/1.1 101 A\r\n")],
  ["pings without end", "rfc6455/2.1", `${ws}PORT/`, () => flooding("\x89\x00", upgrade)],
  [
    "fragments without end",
    "rfc6455/2.4",
    `${ws}PORT/`,
    () => flooding("\x00\x01*", (key) => `${upgrade(key)}\x01\x01*`),
  ],
  [
    "a frame that is announced without end",
    "rfc6455/2.1",
    `${ws}PORT/`,
    () => flooding("\x81\x7f\0\0\x7f\xff\xff\xff\xff\xff", upgrade),
  ],
  [
    "a page that is one endless tag",
    "chat-ws/3.2",
    `${ws}PORT/ws`,
    () => flooding("<script ".repeat(8000), page),
  ],
];

test.concurrent.each(rows)("%s", async (_, choice, url, start) => {
  const server = start();
  const { code, stdout, peak } = await judged(choice, url.replace(/PORT|$/, String(server.port)));
  server.stop(true);
  expect(code).toBe(1);
  expect(stdout).toContain("\n  actual    ");
  expect(stdout.length).toBeLessThan(100_000);
  expect(peak).toBeLessThan(MAX_BYTES);
});

test.concurrent("datagrams without end", async () => {
  let peer: { port: number; address: string } | undefined;
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data: (_socket, _bytes, port, address) => {
        peer = { port, address };
      },
      error() {
        peer = undefined; // it has gone
      },
    },
  });
  const flood = setInterval(() => {
    for (let i = 0; peer && i < 100; i++)
      try {
        socket.send("x".repeat(1000), peer.port, peer.address);
      } catch {}
  }, 1);
  const { code, stdout, peak } = await judged("relay/1.1", `udp://127.0.0.1:${socket.port}`);
  clearInterval(flood);
  socket.close();
  expect(code).toBe(1);
  expect(stdout).toContain("\n  actual    ");
  expect(peak).toBeLessThan(MAX_BYTES);
});
