#!/usr/bin/env bun
/**
 * WebSocket chat with its web page: `bun servers/ws-chat.ts --port 8080`. The room is at `/ws`, the page at `/`.
 *
 * What is said in one turn of the event loop is sent in the next, to each client in one cork: few system calls, and
 * each `send` tells what became of its message. `ws.publish`, measured beside it (200 clients, 83-byte messages, one
 * machine), took 100 to 151 ns of server CPU a delivery against 89 to 117, and tells nothing of those it drops. A
 * client whose queue is full is evicted with a close frame; until then it has got every message, in order.
 */
import type { ServerWebSocket } from "bun";
import { boundHandshakes } from "../platform/handshakes.ts";
import {
  CHAT_WS_PATH,
  CHAT_WS_PORT,
  closeCodes,
  MAX_MESSAGE_BYTES,
  MAX_QUEUE_BYTES,
  PING_SECONDS,
  RELAYED_SUFFIX,
  relayedPrefix,
  SILENCE_SECONDS,
} from "../protocols/chat-ws.ts";
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

/** A batch of so many characters is sent at once, so that a flood cannot make it grow without bound. */
const BATCH_CHARACTERS = 262_144;
/**
 * Bun drops silently past its own limit, so that one is out of reach: a queue is looked at after each batch, and a
 * batch is at most its bound and one message more, three bytes of UTF-8 a character.
 */
const NEVER_REACHED_BYTES = 8 * 1024 * 1024;
/** How long a client that was told to go may take to do so. */
const LINGER_MS = 5000;

const PAGE_DIRECTORY = `${import.meta.dir}/chat-page`;
const pageFiles: Record<string, string> = {
  "/": "index.html",
  "/chat.js": "chat.js",
  "/chat.css": "chat.css",
};
const pageHeaders = {
  // Nothing but our own files and our own socket: should foreign text ever become markup, it could do nothing.
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-cache",
};

export type ChatWsOptions = Where & {
  pingSeconds: number;
  silenceSeconds: number;
  /** Origins that may connect beside the server's own; `*` stands for any. */
  allowOrigins: readonly string[];
};

type Client = { address: string; prefix: string; lastHeard: number; lastPing: number; queueFull: boolean };
type ClientSocket = ServerWebSocket<Client>;

/** A browser sends the origin of the page; programs send none. A page of another host has no business here. */
function isForeign(request: Request, allowed: readonly string[]): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || allowed.includes("*") || allowed.includes(origin)) return false;
  return !URL.canParse(origin) || new URL(origin).host !== request.headers.get("host");
}

export function startChatWs(options: ChatWsOptions): Running {
  const clients = new Set<ClientSocket>();
  const counters = { evicted: 0, silent: 0, foreign: 0, dropped: 0 };
  let authors: ClientSocket[] = [];
  let messages: string[] = [];
  let characters = 0;
  let scheduled = false;
  let unnamed = 0;

  function relay(author: ClientSocket, text: string): void {
    const message = author.data.prefix + text + RELAYED_SUFFIX;
    authors.push(author);
    messages.push(message);
    characters += message.length;
    if (characters > BATCH_CHARACTERS) flushBatch();
    if (scheduled) return;
    scheduled = true;
    // After the poll phase: every socket that was readable in this turn has been read by then.
    setImmediate(() => {
      scheduled = false;
      flushBatch();
    });
  }

  function flushBatch(): void {
    const [from, batch] = [authors, messages];
    authors = [];
    messages = [];
    characters = 0;
    if (batch.length === 0) return;
    let client: ClientSocket;
    const sendBatch = () => {
      for (let i = 0; i < batch.length; i++)
        if (from[i] !== client && client.sendText(batch[i]) === 0) client.data.queueFull = true;
    };
    for (client of clients) {
      client.cork(sendBatch);
      if (client.data.queueFull) counters.dropped++;
      if (client.data.queueFull || client.getBufferedAmount() > MAX_QUEUE_BYTES) {
        counters.evicted++;
        expel(client, "you read too slowly");
      }
    }
  }

  /** Takes a client out of the room at once, tells it why, and does not wait for it. */
  function expel(client: ClientSocket, reason: string): void {
    clients.delete(client);
    client.close(closeCodes.evicted, reason);
    // What waits for a client that does not read, the close frame behind it, would stay for ever.
    setTimeout(() => client.terminate(), LINGER_MS).unref();
  }

  function keepAlive(): void {
    const now = performance.now();
    for (const client of clients) {
      const { data } = client;
      if (now - data.lastHeard > options.silenceSeconds * 1000) {
        counters.silent++;
        expel(client, `nothing came for ${options.silenceSeconds} s`);
      } else if (now - data.lastPing >= options.pingSeconds * 1000) {
        data.lastPing = now;
        client.ping();
      }
    }
  }

  const hear = (client: ClientSocket) => {
    client.data.lastHeard = performance.now();
  };

  const server = Bun.serve<Client>({
    ...listenOn(options),
    idleTimeout: HANDSHAKE_SECONDS,
    async fetch(request, server) {
      const peer = peerOf(server, request);
      handshakes.done(peer ?? "");
      const path = pathOf(request);
      if (path !== CHAT_WS_PATH) return page(request, path);
      if (isForeign(request, options.allowOrigins)) {
        counters.foreign++;
        return new Response("this origin is not allowed\n", { status: 403 });
      }
      const address = peer ?? `unix:${++unnamed}`;
      const now = performance.now();
      const data = {
        address,
        prefix: relayedPrefix(address),
        lastHeard: now,
        lastPing: now,
        queueFull: false,
      };
      if (asksForUpgrade(request) && server.upgrade(request, { data })) return;
      return upgradeRequired();
    },
    websocket: {
      idleTimeout: 0, // ours: Bun's pings cannot be set apart from its timeout
      sendPings: false,
      maxPayloadLength: MAX_MESSAGE_BYTES,
      backpressureLimit: NEVER_REACHED_BYTES,
      closeOnBackpressureLimit: true,
      perMessageDeflate: false,
      open: (client) => void clients.add(client),
      message(client, message) {
        if (!clients.has(client)) return;
        hear(client);
        if (typeof message === "string") return relay(client, message);
        clients.delete(client);
        client.close(closeCodes.noBinary, "text messages only");
      },
      ping: hear,
      pong: hear,
      close: (client) => void clients.delete(client),
    },
  });
  const handshakes = boundHandshakes(server.port ?? 0, HANDSHAKE_SECONDS);
  const shortest = Math.min(options.pingSeconds, options.silenceSeconds);
  const timer = setInterval(keepAlive, Math.min(1000, shortest * 100));

  return {
    url: listeningUrl("ws", options, server.port ?? 0, CHAT_WS_PATH),
    stop: () => {
      clearInterval(timer);
      handshakes.stop();
      for (const client of clients) client.close(closeCodes.goingAway, "the server stops");
      return server.stop(true);
    },
    counters: () => ({
      "slow readers evicted": counters.evicted,
      "silent clients closed": counters.silent,
      "foreign origins refused": counters.foreign,
      "messages dropped": counters.dropped,
    }),
  };
}

function page(request: Request, path: string): Response {
  const file = Object.hasOwn(pageFiles, path) ? pageFiles[path] : undefined;
  if (file === undefined) return new Response("not found\n", { status: 404 });
  if (request.method !== "GET" && request.method !== "HEAD")
    return new Response("GET or HEAD\n", { status: 405, headers: { Allow: "GET, HEAD" } });
  return new Response(Bun.file(`${PAGE_DIRECTORY}/${file}`), { headers: pageHeaders });
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

if (import.meta.main) await standalone(chatWsServer);
