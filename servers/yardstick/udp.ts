#!/usr/bin/env bun
/**
 * FROZEN (frozen.ts): the yardstick over UDP, `bun servers/yardstick/udp.ts room` for relay, `… sum` for sum/udp. It does
 * what a right server does and no more, and imports nothing but Bun, so that it is the same program in every version.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";

const RECEIVE_BUFFER_BYTES = 16 * 1_048_576;
const MOST_SOURCES = 10_000;
const SENDS_AT_ONCE = 1024;

type Source = { ip: string; port: number; prefix: Buffer };
type Outgoing = (Buffer | number | string)[];

const sources = new Map<string, Source>();
let outgoing: Outgoing = [];
let scheduled = false;

function sourceOf(ip: string, port: number): Source | undefined {
  const name = `${ip}:${port}`;
  const known = sources.get(name);
  if (known || sources.size >= MOST_SOURCES) return known;
  const source = { ip, port, prefix: Buffer.from(`[${name}]: `) };
  sources.set(name, source);
  return source;
}

function relay(payload: Buffer, ip: string, port: number): void {
  const author = sourceOf(ip, port);
  if (!author || payload.length === 0) return;
  const bytes = Buffer.concat([author.prefix, payload]);
  for (const source of sources.values()) if (source !== author) put(bytes, source.ip, source.port);
}

const REQUEST = /^\{"A":(-?\d{1,19}),"B":(-?\d{1,19}),"Id":(\d{1,15})\}$/;

function answer(payload: Buffer, ip: string, port: number): void {
  const [, a, b, id] = REQUEST.exec(payload.toString("latin1")) ?? [];
  if (a && b && id) put(Buffer.from(`{"Sum":${BigInt(a) + BigInt(b)},"Id":${id}}`), ip, port);
}

function put(bytes: Buffer, ip: string, port: number): void {
  outgoing.push(bytes, port, ip);
  if (outgoing.length >= SENDS_AT_ONCE * 3) sendAll();
  else if (!scheduled) {
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      sendAll();
    });
  }
}

/** An error of one that has gone is told at the next send, whose datagram is lost (Bun 1.4.5): so it is sent again. */
function sendAll(): void {
  let rest = outgoing;
  outgoing = [];
  for (let failures = 0; rest.length > 0 && failures < 16; ) {
    let sent = 0;
    try {
      sent = socket.sendMany(rest);
    } catch {}
    if (sent > 0) failures = 0;
    else failures++;
    rest = rest.slice(sent * 3);
  }
}

const hear = process.argv.includes("sum") ? answer : relay;

const socket = await Bun.udpSocket({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    data: (_, payload, port, ip) => hear(payload, ip, port),
    // Without it the ICMP error of one that has gone would end the process (Bun 1.4.5).
    error() {},
  },
});

/** SO_RCVBUFFORCE, and SO_RCVBUF where that is not allowed (socket(7)): the default holds some 250 datagrams. */
function growReceiveBuffer(fd: number): void {
  const { int, ptr: pointer, u32 } = FFIType;
  const { symbols } = dlopen("libc.so.6", {
    setsockopt: { args: [int, int, int, pointer, u32], returns: int },
  });
  const bytes = new Int32Array([RECEIVE_BUFFER_BYTES]);
  for (const option of [33, 8]) if (symbols.setsockopt(fd, 1, option, ptr(bytes), 4) === 0) return;
}

try {
  growReceiveBuffer((socket as unknown as { fd: number }).fd);
} catch {} // elsewhere than on Linux with glibc the default has to do
console.log(JSON.stringify({ listening: `udp://127.0.0.1:${socket.port}` }));
