#!/usr/bin/env bun
/**
 * WebSocket sums: `bun servers/ws-sum.ts --port 5657`. `/add` answers each request message with a reply
 * message, `/echo` sends every message back as it came (for WebSocket test suites); the rest is a plain 404.
 */
import type { ServerWebSocket } from "bun";
import { boundHandshakes } from "../platform/handshakes.ts";
import { answer, notTextReply, SUM_WS_PORT } from "../protocols/sum.ts";
import { MAX_HEADER_BYTES } from "../protocols/websocket.ts";
import { closeIdle } from "./idle.ts";
import { listenBounded } from "./listen.ts";
import {
  listeningUrl,
  listenOn,
  type Running,
  type ServerSpec,
  seconds,
  standalone,
  type Where,
} from "./standalone.ts";
import { asksForUpgrade, HANDSHAKE_SECONDS, pathOf, peerOf, upgradeRequired } from "./websocket.ts";
import { createBacklog } from "./ws-backlog.ts";

/** The largest message `/echo` takes: what the usual test suites send at most. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** What may wait for one peer that does not read its replies: one largest message, with its header. */
const MAX_QUEUE_BYTES = MAX_MESSAGE_BYTES + MAX_HEADER_BYTES;
/** And for all of them. */
const MAX_QUEUES_BYTES = 64 * 1024 * 1024;
export const IDLE_SECONDS = 20;

type Connection = { path: "/add" | "/echo"; lastMessage: number };

const replies: Record<Connection["path"], (message: string | Buffer) => string | Buffer> = {
  "/add": (message) => (typeof message === "string" ? answer(message).text : notTextReply),
  "/echo": (message) => message,
};

export type SumOptions = Where & { idleSeconds: number; handshakeSeconds?: number; queueBytes?: number };

export function startSum(options: SumOptions): Running {
  const connections = new Set<ServerWebSocket<Connection>>();
  const backlog = createBacklog<Connection>(options.queueBytes ?? MAX_QUEUE_BYTES, MAX_QUEUES_BYTES);
  let idle = 0;

  const { listener: server, stop: stopAsking } = listenBounded(() =>
    Bun.serve<Connection>({
      ...listenOn(options),
      idleTimeout: HANDSHAKE_SECONDS,
      fetch(request, server) {
        handshakes.done(peerOf(server, request) ?? "");
        const pathname = pathOf(request);
        if (pathname !== "/add" && pathname !== "/echo") return new Response("not found\n", { status: 404 });
        if (
          asksForUpgrade(request) &&
          server.upgrade(request, { data: { path: pathname, lastMessage: performance.now() } })
        )
          return;
        return upgradeRequired();
      },
      websocket: {
        idleTimeout: 0, // ours counts messages only: Bun's counts its own pings' pongs too
        sendPings: false,
        maxPayloadLength: MAX_MESSAGE_BYTES,
        // Never reached: past it Bun drops in silence.
        backpressureLimit: 2 * MAX_QUEUE_BYTES,
        perMessageDeflate: false,
        open: (socket) => void connections.add(socket),
        message(socket, message) {
          socket.data.lastMessage = performance.now();
          backlog.send(socket, replies[socket.data.path](message));
        },
        drain: (socket) => backlog.drained(socket),
        close(socket) {
          connections.delete(socket);
          backlog.gone(socket);
        },
      },
    }),
  );

  const handshakes = boundHandshakes(server.port ?? 0, options.handshakeSeconds ?? HANDSHAKE_SECONDS);
  const stopSweep = closeIdle(
    connections,
    (socket) => socket.data.lastMessage,
    options.idleSeconds,
    (socket) => {
      idle++;
      socket.close(1000, "idle");
    },
  );

  return {
    url: listeningUrl("ws", options, server.port ?? 0, "/add"),
    stop: () => {
      stopSweep();
      handshakes.stop();
      stopAsking();
      return server.stop(true);
    },
    counters: () => ({ "idle connections closed": idle, "peers closed that did not read": backlog.closed() }),
  };
}

export const sumServer: ServerSpec = {
  summary: "WebSocket sums at /add, echo at /echo",
  protocol: () => "sum/ws",
  port: () => SUM_WS_PORT,
  options: (program) =>
    program.option("--idle-timeout <seconds>", "close a connection without messages", seconds, IDLE_SECONDS),
  streams: true,
  start: (options) => startSum({ ...options, idleSeconds: Number(options.idleTimeout) }),
};

export default sumServer;
if (import.meta.main) await standalone(sumServer);
