#!/usr/bin/env bun
/** A WebSocket chat room with one fault: `bun servers/mutants/chat-ws.ts --fault any-origin`. */
import type { ServerWebSocket } from "bun";
import { addressText } from "../../platform/address.ts";
import { CHAT_WS_PORT, closeCodes, MAX_MESSAGE_BYTES, MAX_QUEUE_BYTES } from "../../protocols/chat-ws.ts";
import { type Running, type ServerSpec, seconds, standalone, urlOf } from "../standalone.ts";

export const chatWsFaults = {
  none: "no fault",
  "any-origin": "any origin is accepted",
  "origin-by-prefix": "an origin is compared only as far as the server's own name is long",
  "origin-by-name": "the port of an origin is not looked at",
  "null-origin": "the origin null is accepted",
  backtracks: "a pattern with overlapping quantifiers runs over the origin",
  "half-a-second": "a connection is ended half a second after its beginning",
  "idle-limit": "a client that says nothing for 0.3 s is ended, whatever it answers",
  "needs-origin": "a client without an origin is refused",
  "own-origin-refused": "the server's own page is refused",
  "page-of-markup": "the page puts what others write into itself as markup",
  "no-page": "there is no page",
  "page-everywhere": "the page is at every path",
  "ws-everywhere": "every path is upgraded",
  "ok-without-upgrade": "a plain GET of /ws is answered with 200",
  echoes: "a message goes back to its author too",
  "first-only": "a message goes to one other client, not to all",
  "wrong-author": "a message carries the address of who came last",
  "no-newline": "what is relayed has no end of line",
  "splits-lines": "an end of line ends a message",
  "joins-tick": "messages that come together are relayed as one",
  trims: "blanks around a message are cut off",
  "skips-empty": "an empty message is not relayed",
  escapes: "markup is escaped by the server",
  "ascii-only": "letters other than ASCII are replaced",
  loses: "every tenth message of an author is lost",
  reorders: "every tenth message of an author comes after the next one",
  history: "a newcomer gets the last message that was said",
  "dies-after-leave": "a message after a client has left ends the server",
  "limit-32k": "a message over 32 KiB is refused",
  "no-limit": "a message may be of any length",
  "relays-binary": "a binary message is relayed",
  "binary-1008": "a binary message is refused with another code",
  "refusal-ends-room": "a client that is refused ends the server",
  stalls: "while one reader does not take its bytes, nobody gets any",
  "crowd-stalls": "while more than ten readers do not take their bytes, nobody gets any",
  "never-evicts": "what waits for a reader who does not read has no bound",
  "drops-silently": "messages past a reader's queue are dropped, and it stays",
  "evicts-with-1000": "a reader that was too slow is closed with code 1000 and no reason",
  "evicts-by-reset": "a reader that was too slow is reset",
  "drops-then-evicts": "half of what waits is dropped before a reader is evicted",
  "eviction-ends-room": "the queue of an evicted reader is used still, which ends the server",
  "keeps-the-dead": "a client from which nothing comes is kept for ever",
  "never-pings": "no client is pinged",
  "pings-once": "a client is pinged once",
  "pong-is-nothing": "a pong does not count as a sign of life",
  "message-is-nothing": "a message does not count as a sign of life",
  "dead-holds-room": "the messages to a dead client are waited for",
} as const;

type Client = {
  address: string;
  said: number;
  lastHeard: number /** Pings in all, and those not answered. */;
  pings: number;
  pinged: number;
  held?: string;
};
type ClientSocket = ServerWebSocket<Client>;

/** For an origin without a number behind it every way to share it between the four is tried. */
const BACKTRACKING = /^[^:]*:[^@]*[^#]*[^?]*[^,]*:\d+$/;

const page = (show: string) => `<!doctype html><title>chat</title><ul></ul><input><button>send</button>
<script>const socket = new WebSocket("ws://" + location.host + "/ws"); socket.onmessage = (event) => { const line = document.createElement("li"); line.${show} = event.data; document.querySelector("ul").append(line); };</script>`;

export type ChatWsMutantOptions = {
  host: string;
  port: number;
  fault: string;
  pingSeconds: number;
  silenceSeconds: number;
};

export function startChatWsMutant({
  host,
  port,
  fault,
  pingSeconds,
  silenceSeconds,
}: ChatWsMutantOptions): Running {
  const has = (name: keyof typeof chatWsFaults) => fault === name;
  const clients = new Set<ClientSocket>();
  let last: string | undefined;
  let someoneLeft = false;
  let backlog: (() => void)[] = [];
  let tick: { author: ClientSocket; texts: string[] } | undefined;

  function isForeign(request: Request): boolean {
    const origin = request.headers.get("origin");
    const own = request.headers.get("host") ?? "";
    if (origin === null) return has("needs-origin");
    if (has("backtracks") && BACKTRACKING.test(origin)) return true;
    if (has("any-origin") || (has("null-origin") && origin === "null")) return false;
    if (has("own-origin-refused")) return true;
    if (has("origin-by-prefix")) return !origin.startsWith(`http://${own}`);
    if (!URL.canParse(origin)) return true;
    const { host, hostname } = new URL(origin);
    return has("origin-by-name") ? hostname !== own.replace(/:\d+$/, "") : host !== own;
  }

  function endWhenSilent(client: ClientSocket): void {
    const { said } = client.data;
    setTimeout(() => {
      if (client.data.said === said) client.terminate();
      else endWhenSilent(client);
    }, 300);
  }

  const die = () => void server.stop(true);

  function evict(client: ClientSocket): void {
    clients.delete(client);
    if (has("eviction-ends-room")) die();
    else if (has("evicts-by-reset")) client.terminate();
    else if (has("evicts-with-1000")) client.close(1000);
    else client.close(closeCodes.evicted, "you read too slowly");
  }

  function deliver(client: ClientSocket, message: string): void {
    const behind = client.getBufferedAmount();
    const bound = MAX_QUEUE_BYTES;
    if (has("drops-silently") && behind > bound) return;
    if (has("drops-then-evicts") && behind > bound / 2 && client.data.said++ % 2) return;
    client.send(message);
    if (
      client.getBufferedAmount() > bound &&
      !has("never-evicts") &&
      !has("stalls") &&
      !has("crowd-stalls") &&
      !has("drops-silently")
    )
      evict(client);
  }

  function faultyText(text: string): string {
    if (has("trims")) return text.trim();
    if (has("escapes")) return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return has("ascii-only") ? text.replace(/[^\x00-\x7f]/g, "?") : text;
  }

  function relay(author: ClientSocket, text: string): void {
    const named = has("wrong-author") ? ([...clients].pop() ?? author) : author;
    const message = `[${named.data.address}]: ${faultyText(text)}${has("no-newline") ? "" : "\n"}`;
    last = message;
    const others = [...clients].filter((client) => client !== author || has("echoes"));
    const send = () => {
      for (const client of has("first-only") ? others.slice(0, 1) : others) deliver(client, message);
    };
    const stuck = (client: ClientSocket) =>
      has("stalls") ? client.getBufferedAmount() > 0 : has("dead-holds-room") && client.data.pinged > 2;
    const behind = has("crowd-stalls") ? others.filter((client) => client.getBufferedAmount() > 0).length : 0;
    if (others.some(stuck) || behind > 10) backlog.push(send);
    else send();
  }

  /** The faults of every tenth message, and of those that come together. */
  function relayOrNot(author: ClientSocket, text: string): void {
    const tenth = ++author.data.said % 10 === 0;
    if (tenth && has("loses")) return;
    if (tenth && has("reorders")) {
      author.data.held = text;
      return;
    }
    relay(author, text);
    if (author.data.held !== undefined) relay(author, author.data.held);
    delete author.data.held;
  }

  function gather(author: ClientSocket, text: string): void {
    if (tick?.author === author) {
      tick.texts.push(text);
      return;
    }
    const gathered = { author, texts: [text] };
    tick = gathered;
    setImmediate(() => {
      tick = undefined;
      relayOrNot(author, gathered.texts.join("\n"));
    });
  }

  function hear(client: ClientSocket, message: string | Buffer): void {
    if (!has("message-is-nothing")) client.data.lastHeard = performance.now();
    if (has("dies-after-leave") && someoneLeft) {
      die();
      return;
    }
    if (typeof message === "string") {
      if (has("skips-empty") && message === "") return;
      if (has("joins-tick")) gather(client, message);
      else for (const text of has("splits-lines") ? message.split("\n") : [message]) relayOrNot(client, text);
    } else if (has("relays-binary")) for (const other of clients) other !== client && other.send(message);
    else if (has("refusal-ends-room")) die();
    else {
      clients.delete(client);
      client.close(has("binary-1008") ? 1008 : closeCodes.noBinary, "text messages only");
    }
  }

  const server = Bun.serve<Client>({
    hostname: host,
    port,
    fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (pathname !== "/ws" && !has("ws-everywhere")) {
        const there = (pathname === "/" && !has("no-page")) || has("page-everywhere");
        if (!there) return new Response("not found\n", { status: 404 });
        const body = page(has("page-of-markup") ? "innerHTML" : "textContent");
        return new Response(body, { headers: { "Content-Type": "text/html" } });
      }
      if (isForeign(request)) return new Response("not allowed\n", { status: 403 });
      const ip = server.requestIP(request);
      const now = performance.now();
      const address = ip ? addressText(ip.address, ip.port) : "";
      const data = { address, said: 0, lastHeard: now, pings: 0, pinged: 0 };
      if (server.upgrade(request, { data })) return undefined;
      if (pathname === "/" && !has("no-page"))
        return new Response(page("textContent"), { headers: { "Content-Type": "text/html" } });
      const status = pathname === "/ws" ? 426 : 404;
      return new Response("WebSocket only\n", { status: has("ok-without-upgrade") ? 200 : status });
    },
    websocket: {
      idleTimeout: 0,
      sendPings: false,
      perMessageDeflate: false,
      maxPayloadLength: has("limit-32k") ? 32_768 : has("no-limit") ? 16_000_000 : MAX_MESSAGE_BYTES,
      backpressureLimit: 64_000_000,
      open(client) {
        clients.add(client);
        if (has("half-a-second")) setTimeout(() => client.terminate(), 500);
        if (has("idle-limit")) endWhenSilent(client);
        if (has("history") && last !== undefined) client.send(last);
      },
      message: hear,
      drain() {
        for (const send of backlog.splice(0)) send();
      },
      pong(client) {
        if (!has("pong-is-nothing")) client.data.lastHeard = performance.now();
        client.data.pinged = 0;
      },
      close(client) {
        clients.delete(client);
        someoneLeft = true;
      },
    },
  });
  const timer = setInterval(() => {
    for (const client of clients) {
      const silent = performance.now() - client.data.lastHeard > silenceSeconds * 1000;
      if (silent && !has("keeps-the-dead") && !has("dead-holds-room")) {
        clients.delete(client);
        client.close(closeCodes.evicted, "nothing came");
        setTimeout(() => client.terminate(), 500);
      } else if (!has("never-pings") && !(has("pings-once") && client.data.pings > 0)) {
        client.ping();
        client.data.pinged++;
        client.data.pings++;
      }
    }
  }, pingSeconds * 1000);

  return {
    url: urlOf("ws", host, server.port ?? port, "/ws"),
    stop() {
      clearInterval(timer);
      backlog = [];
      return server.stop(true);
    },
  };
}

export const chatWsMutant: ServerSpec = {
  summary: "WebSocket chat with one fault",
  protocol: () => "chat/ws",
  port: () => CHAT_WS_PORT,
  options: (program) =>
    program
      .addOption(
        program
          .createOption("--fault <name>", "what is wrong")
          .choices(Object.keys(chatWsFaults))
          .default("none"),
      )
      .option("--ping-interval <seconds>", "from ping to ping", seconds, 54)
      .option("--idle-timeout <seconds>", "close a client from which nothing came", seconds, 60),
  start: ({ host, port, fault, pingInterval, idleTimeout }) =>
    startChatWsMutant({
      host,
      port,
      fault: String(fault),
      pingSeconds: Number(pingInterval),
      silenceSeconds: Number(idleTimeout),
    }),
};

if (import.meta.main) await standalone(chatWsMutant);
