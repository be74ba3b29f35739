#!/usr/bin/env bun
/**
 * FROZEN (frozen.ts): the yardstick over TCP, `bun servers/yardstick/tcp.ts room` for chat/bracket, `… sum` for sum/tcp.
 * It does what a right server does and no more, and imports nothing, so that it is the same program in every version.
 */
import type { Socket } from "bun";

type Peer = {
  socket: Socket<Peer>;
  prefix: Buffer;
  /** Bytes of a message whose end has not come, and what the kernel has not taken. */
  begun: Buffer;
  waiting: Buffer;
  /** Whether it has a message in the tick's batch. */
  said: boolean;
};

const NOTHING = Buffer.alloc(0);
const MOST_BEGUN = 65_536;
const MOST_WAITING = 16 * 1_048_576;

const peers = new Set<Peer>();
let batch: { author: Peer; bytes: Buffer }[] = [];

function send(peer: Peer, bytes: Buffer): void {
  if (peer.waiting.length > 0) peer.waiting = Buffer.concat([peer.waiting, bytes]);
  else peer.waiting = bytes.subarray(Math.max(0, peer.socket.write(bytes)));
  if (peer.waiting.length > MOST_WAITING) peer.socket.terminate();
}

function flushBatch(): void {
  const said = batch;
  batch = [];
  const whole = Buffer.concat(said.map(({ bytes }) => bytes));
  for (const peer of peers) {
    const others = () => said.flatMap(({ author, bytes }) => (author === peer ? [] : [bytes]));
    send(peer, peer.said ? Buffer.concat(others()) : whole);
    peer.said = false;
  }
}

/** Calls `use` with each message of a stream in which every one ends with the same byte. */
function split(peer: Peer, chunk: Buffer, last: number, use: (message: Buffer) => void): void {
  const bytes = peer.begun.length > 0 ? Buffer.concat([peer.begun, chunk]) : chunk;
  let from = 0;
  for (let at = bytes.indexOf(last); at >= 0; at = bytes.indexOf(last, from)) {
    use(bytes.subarray(from, at + 1));
    from = at + 1;
  }
  peer.begun = bytes.subarray(from);
  if (peer.begun.length > MOST_BEGUN) peer.socket.terminate();
}

function relay(peer: Peer, chunk: Buffer): void {
  split(peer, chunk, 10, (line) => {
    if (batch.length === 0) setImmediate(flushBatch);
    batch.push({ author: peer, bytes: Buffer.concat([peer.prefix, line]) });
    peer.said = true;
  });
}

const REQUEST = /^\{"A":(-?\d{1,19}),"B":(-?\d{1,19})\}$/;

function answer(peer: Peer, chunk: Buffer): void {
  let replies = "";
  split(peer, chunk, 125, (text) => {
    const [, a, b] = REQUEST.exec(text.toString("latin1")) ?? [];
    replies += a && b ? `{"Sum":${BigInt(a) + BigInt(b)}}\n` : '{"Error":"not a request"}\n';
  });
  if (replies !== "") send(peer, Buffer.from(replies));
}

const hear = process.argv.includes("sum") ? answer : relay;

const listener = Bun.listen<Peer>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      // Bun 1.4.5 has a timer of 120 s on each accepted socket, which traffic does not renew.
      socket.timeout(0);
      const prefix = Buffer.from(`[${socket.remoteAddress}:${socket.remotePort}]: `);
      socket.data = { socket, prefix, begun: NOTHING, waiting: NOTHING, said: false };
      peers.add(socket.data);
    },
    data: ({ data }, chunk) => hear(data, chunk),
    drain({ data }) {
      const rest = data.waiting;
      data.waiting = NOTHING;
      send(data, rest);
    },
    end: (socket) => void socket.end(),
    close: ({ data }) => void peers.delete(data),
    error: (socket) => void socket.terminate(),
  },
});
console.log(JSON.stringify({ listening: `tcp://127.0.0.1:${listener.port}` }));
