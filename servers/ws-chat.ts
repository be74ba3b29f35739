#!/usr/bin/env bun
/**
 * WebSocket chat with its web page: `bun servers/ws-chat.ts --port 8080`. The room is at `/ws`, the page at `/`.
 *
 * A server's frames are not masked, so what one says is the same bytes for everybody: it is framed once, and each
 * client gets all of a tick's frames by one write, as in the TCP room. A client whose queue is full is evicted with a
 * close frame; until then it has got every message, in order.
 */
import {
  CHAT_WS_PATH,
  CHAT_WS_PORT,
  closeCodes,
  MAX_MESSAGE_BYTES,
  MAX_QUEUE_BYTES,
  MAX_ROOM_BYTES,
  PING_SECONDS,
  RELAYED_SUFFIX,
  relayedPrefix,
  SILENCE_SECONDS,
} from "../protocols/chat-ws.ts";
import { FIN, MAX_HEADER_BYTES, opcodes, writeHeader } from "../protocols/websocket.ts";
import { answer, type HttpAnswer, type HttpRequest, isForeign } from "../protocols/ws-handshake.ts";
import { BATCH_BYTES, createBroadcast, type Recipient } from "./broadcast.ts";
import { readPage } from "./chat-page/page.ts";
import {
  listeningUrl,
  type Running,
  type ServerSpec,
  seconds,
  standalone,
  urlOf,
  type Where,
} from "./standalone.ts";
import { type Connection, serveWebSockets } from "./ws-connection.ts";

export type ChatWsOptions = Where & {
  pingSeconds: number;
  silenceSeconds: number;
  /** Origins that may connect beside the server's own; `*` stands for any. */
  allowOrigins: readonly string[];
};

type Member = Recipient & { connection: Connection<Member>; prefix: Uint8Array };

const suffix = Buffer.from(RELAYED_SUFFIX);
const header = new Uint8Array(MAX_HEADER_BYTES);
const headerView = new DataView(header.buffer);

export function startChatWs(options: ChatWsOptions): Running {
  const broadcast = createBroadcast<Member>(MAX_QUEUE_BYTES, MAX_ROOM_BYTES, ({ connection }) =>
    server.evict(connection),
  );
  const page = readPage();
  let foreign = 0;

  /** Frames what a member says, as the bytes that came, for everyone else. */
  function relay(author: Member, bytes: Uint8Array, from: number, to: number): void {
    const payloadBytes = author.prefix.length + to - from + suffix.length;
    const payloadAt = writeHeader(headerView, 0, FIN | opcodes.text, payloadBytes);
    const start = broadcast.begin(payloadAt + payloadBytes);
    broadcast.put(header, 0, payloadAt);
    broadcast.put(author.prefix);
    broadcast.put(bytes, from, to);
    broadcast.put(suffix);
    broadcast.skip(author, start);
  }

  function answerTo(request: HttpRequest): HttpAnswer | undefined {
    if (request.path !== CHAT_WS_PATH) return page(request);
    if (!isForeign(request.fields, options.allowOrigins)) return undefined;
    foreign++;
    return answer(403, "this origin is not allowed");
  }

  const server = serveWebSockets<Member>({
    where: options,
    messageBytes: MAX_MESSAGE_BYTES,
    queueBytes: MAX_QUEUE_BYTES,
    store: broadcast.store,
    sendBytes: BATCH_BYTES,
    pingSeconds: options.pingSeconds,
    silenceSeconds: options.silenceSeconds,
    answer: answerTo,
    opened(connection) {
      const { socket, outbox, address } = connection;
      const prefix = Buffer.from(relayedPrefix(address));
      const member = { connection, socket, outbox, prefix, batchFrom: 0, skips: [] };
      broadcast.join(member);
      return member;
    },
    message(member, opcode, bytes, from, to) {
      if (opcode === opcodes.text) return relay(member, bytes, from, to);
      server.close(member.connection, { code: closeCodes.noBinary, reason: "text messages only" });
    },
    leaving(member) {
      broadcast.share(member);
      broadcast.leave(member);
    },
  });

  return {
    url: listeningUrl("ws", options, server.port, CHAT_WS_PATH),
    ...(options.unix ? {} : { page: urlOf(options.tls ? "https" : "http", options.host, server.port, "/") }),
    stop: () => server.stop({ code: closeCodes.goingAway, reason: "the server stops" }),
    counters: () => ({
      "slow readers evicted": server.counters.evicted,
      "silent clients closed": server.counters.silent,
      "foreign origins refused": foreign,
      // Of clients that were closed and did not take in time what waited for them.
      "messages dropped": server.counters.unread,
    }),
  };
}

/** The same server twice: with the sheet's times, and with times by which one can watch it at work. */
function spec(protocol: string, summary: string, ping: number, silence: number): ServerSpec {
  return {
    summary,
    protocol: () => protocol,
    port: () => CHAT_WS_PORT,
    options: (program) =>
      program
        .option("--ping-interval <seconds>", "from ping to ping", seconds, ping)
        .option(
          "--idle-timeout <seconds>",
          "close a client from which nothing came, no pong either",
          seconds,
          silence,
        )
        .option(
          "--allow-origin <origin>",
          "let pages of this origin connect, * for any (repeatable)",
          (origin: string, origins: string[]) => [...origins, origin],
          [],
        ),
    streams: true,
    start: (options) =>
      startChatWs({
        ...options,
        pingSeconds: Number(options.pingInterval),
        silenceSeconds: Number(options.idleTimeout),
        allowOrigins: Array.isArray(options.allowOrigin) ? options.allowOrigin.map(String) : [],
      }),
  };
}

export const chatWsServer = spec(
  "chat/ws",
  "WebSocket chat at /ws, its page at /",
  PING_SECONDS,
  SILENCE_SECONDS,
);
export const hubServer = spec(
  "hub",
  "the server of chat/ws with liveness to watch: pings each 2 s, 5 s of silence",
  2,
  5,
);

export default chatWsServer;
if (import.meta.main) await standalone(chatWsServer);
