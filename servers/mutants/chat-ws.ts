#!/usr/bin/env bun
/**
 * A WebSocket chat room with one fault: `bun servers/mutants/chat-ws.ts --fault any-origin`.
 * The plainest that is right (`--fault none`), over Bun's own WebSockets; what can be wrong with it is in
 * chat-ws-faults.ts.
 */
import type { ServerWebSocket } from "bun";
import { CHAT_WS_PORT, closeCodes, MAX_MESSAGE_BYTES, MAX_QUEUE_BYTES } from "../../protocols/chat-ws.ts";
import { isForeign } from "../../protocols/ws-handshake.ts";
import { type Running, type ServerSpec, seconds, standalone, urlOf } from "../standalone.ts";
import { peerOf } from "../websocket.ts";
import { type ChatWsFault, chatWsFaults } from "./chat-ws-faults.ts";
import { addFaultOption, withFault } from "./fault.ts";
import type { ConnectedRoom } from "./room.ts";

/** `pings` are those that have not been answered. */
export type ClientData = { address: string; lastHeard: number; pings: number };
export type Client = ServerWebSocket<ClientData>;

/** The decisions of the room, and of the HTTP server before it. */
export type ChatWsRoom = ConnectedRoom<Client> & {
  /** The property by which the page shows what is said, or undefined where there is no page. */
  pageAt: (path: string) => "textContent" | "innerHTML" | undefined;
  isRoom: (path: string) => boolean;
  /** To a request for the room that is none for a WebSocket. */
  noUpgradeStatus: number;
  /** Whether the page that asks may not connect. */
  refuses: (origin: string | null, host: string) => boolean;
  hear: (client: Client, message: string | Buffer) => void;
  /** What came that is no text. */
  hearBinary: (client: Client, message: Buffer) => void;
  evict: (client: Client) => void;
  /** A sign of life, by a message or a pong. */
  heard: (client: Client) => void;
  pong: (client: Client) => void;
  ping: (client: Client) => void;
  silent: (client: Client) => void;
};

const page = (show: string) => `<!doctype html><title>chat</title><ul></ul><input><button>send</button>
<script>const socket = new WebSocket("ws://" + location.host + "/ws"); socket.onmessage = (event) => { const line = document.createElement("li"); line.${show} = event.data; document.querySelector("ul").append(line); };</script>`;

/** The room that is right; `die` ends its server. */
function plainRoom(die: () => void): ChatWsRoom {
  const clients = new Set<Client>();
  const close = (client: Client, code: number, reason: string) => {
    clients.delete(client);
    client.close(code, reason);
  };
  const room: ChatWsRoom = {
    every: 10,
    messageBytes: MAX_MESSAGE_BYTES,
    queueBytes: MAX_QUEUE_BYTES,
    emptyBytes: 0,
    noUpgradeStatus: 426,
    die,
    members: () => [...clients],
    pageAt: (path) => (path === "/" ? "textContent" : undefined),
    isRoom: (path) => path === "/ws",
    refuses: (origin, host) => isForeign({ ...(origin === null ? {} : { origin }), host }, []),
    opened: (client) => void clients.add(client),
    left: (client) => void clients.delete(client),
    reset: (client) => client.terminate(),
    hear(client, message) {
      room.heard(client);
      if (typeof message === "string") room.say(client, Buffer.from(message));
      else room.hearBinary(client, message);
    },
    hearBinary: (client) => close(client, closeCodes.noBinary, "text messages only"),
    say(author, text) {
      const prefix = Buffer.from(`[${room.nameOf(author).data.address}]: `);
      room.spread(room.recipients(author), Buffer.concat([prefix, text, Buffer.from("\n")]));
    },
    nameOf: (author) => author,
    recipients: (author) => [...clients].filter((client) => client !== author),
    spread(recipients, message) {
      for (const client of recipients) room.send(client, message);
    },
    send(client, message) {
      client.sendText(Buffer.from(message).toString());
      if (client.getBufferedAmount() > room.queueBytes) room.evict(client);
    },
    evict: (client) => close(client, closeCodes.evicted, "you read too slowly"),
    waiting: (client) => client.getBufferedAmount(),
    drained() {},
    heard(client) {
      client.data.lastHeard = performance.now();
    },
    pong(client) {
      room.heard(client);
      client.data.pings = 0;
    },
    ping(client) {
      client.ping();
      client.data.pings++;
    },
    silent(client) {
      close(client, closeCodes.evicted, "nothing came");
      setTimeout(() => client.terminate(), 500);
    },
  };
  return room;
}

export type ChatWsMutantOptions = {
  host: string;
  port: number;
  fault: ChatWsFault;
  pingSeconds: number;
  silenceSeconds: number;
};

export function startChatWsMutant(options: ChatWsMutantOptions): Running {
  const { host, port, fault, pingSeconds, silenceSeconds } = options;
  const room = withFault(
    plainRoom(() => void server.stop(true)),
    chatWsFaults,
    fault,
  );
  const server = Bun.serve<ClientData>({
    hostname: host,
    port,
    fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (room.isRoom(pathname)) {
        const { headers } = request;
        if (room.refuses(headers.get("origin"), headers.get("host") ?? ""))
          return new Response("not allowed\n", { status: 403 });
        const data = { address: peerOf(server, request) ?? "", lastHeard: performance.now(), pings: 0 };
        if (server.upgrade(request, { data })) return undefined;
      }
      const show = room.pageAt(pathname);
      if (show) return new Response(page(show), { headers: { "Content-Type": "text/html" } });
      if (pathname !== "/ws") return new Response("not found\n", { status: 404 });
      return new Response("WebSocket only\n", { status: room.noUpgradeStatus });
    },
    websocket: {
      idleTimeout: 0,
      sendPings: false,
      perMessageDeflate: false,
      maxPayloadLength: room.messageBytes,
      backpressureLimit: 64_000_000,
      open: (client) => room.opened(client),
      message: (client, message) => room.hear(client, message),
      drain: (client) => room.drained(client),
      pong: (client) => room.pong(client),
      close: (client) => room.left(client),
    },
  });
  const timer = setInterval(() => {
    const limit = performance.now() - silenceSeconds * 1000;
    for (const client of room.members())
      if (client.data.lastHeard < limit) room.silent(client);
      else room.ping(client);
  }, pingSeconds * 1000);
  return {
    url: urlOf("ws", host, server.port ?? port, "/ws"),
    stop() {
      clearInterval(timer);
      return server.stop(true);
    },
  };
}

export const chatWsMutant: ServerSpec = {
  summary: "WebSocket chat with one fault",
  protocol: () => "chat/ws",
  port: () => CHAT_WS_PORT,
  options: (program) =>
    addFaultOption(program, chatWsFaults)
      .option("--ping-interval <seconds>", "from ping to ping", seconds, 54)
      .option("--idle-timeout <seconds>", "close a client from which nothing came", seconds, 60),
  start: ({ host, port, fault, pingInterval, idleTimeout }) =>
    startChatWsMutant({
      host,
      port,
      fault: fault as ChatWsFault,
      pingSeconds: Number(pingInterval),
      silenceSeconds: Number(idleTimeout),
    }),
};

if (import.meta.main) await standalone(chatWsMutant);
