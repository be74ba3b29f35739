#!/usr/bin/env bun
/**
 * FROZEN (frozen.ts): the yardstick over WebSocket, `bun servers/yardstick/ws.ts room` for chat/ws, `… sum` for sum/ws. It
 * does what a right server does and no more, and imports nothing, so that it is the same program in every version.
 */
import type { ServerWebSocket } from "bun";

type Peer = { prefix: string };

const MOST_WAITING = 16 * 1_048_576;
const ROOM = "room";
const isRoom = !process.argv.includes("sum");

const relay = (socket: ServerWebSocket<Peer>, text: string) =>
  void socket.publishText(ROOM, `${socket.data.prefix}${text}\n`);

const REQUEST = /^\{"A":(-?\d{1,19}),"B":(-?\d{1,19})\}$/;

function answer(socket: ServerWebSocket<Peer>, text: string): void {
  const [, a, b] = REQUEST.exec(text) ?? [];
  socket.sendText(a && b ? `{"Sum":${BigInt(a) + BigInt(b)}}` : '{"Error":"not a request"}');
}

const hear = isRoom ? relay : answer;

const server = Bun.serve<Peer>({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    const from = server.requestIP(request);
    const data = { prefix: `[${from?.address}:${from?.port}]: ` };
    if (!server.upgrade(request, { data })) return new Response("WebSocket only\n", { status: 426 });
  },
  websocket: {
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    // Past it Bun drops in silence, and a slice that misses something says so.
    backpressureLimit: MOST_WAITING,
    open: (socket) => void (isRoom && socket.subscribe(ROOM)),
    message: (socket, message) => hear(socket, String(message)),
  },
});
console.log(JSON.stringify({ listening: `ws://127.0.0.1:${server.port}/${isRoom ? "ws" : "add"}` }));
