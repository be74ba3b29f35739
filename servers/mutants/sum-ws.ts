#!/usr/bin/env bun
/** A WebSocket sum server with one fault: `bun servers/mutants/sum-ws.ts --fault rounds`. */
import type { ServerWebSocket } from "bun";
import { boundHandshakes } from "../../platform/handshakes.ts";
import { answer, MAX_REQUEST_BYTES, notTextReply, SUM_WS_PORT } from "../../protocols/sum.ts";
import { closeIdle } from "../idle.ts";
import { type Running, type ServerSpec, seconds, standalone, urlOf, wholeNumber } from "../standalone.ts";
import { HANDSHAKE_SECONDS, peerOf } from "../websocket.ts";
import { IDLE_SECONDS } from "../ws-sum.ts";
import { type Connections, connectionFaults } from "./connections.ts";
import { addFaultOption, type Faults, withFault } from "./fault.ts";
import { everyNth } from "./room.ts";
import { type SumServer, sumFaults } from "./sum.ts";

type Connection = { echo: boolean; lastMessage: number };
type Client = ServerWebSocket<Connection>;

type SumWsServer = SumServer &
  Connections<Client> & {
    /** The N of faults that strike every Nth message. */
    every: number;
    isThere: (path: string) => boolean;
    /** To a request for another path, and to one that is no handshake. */
    elsewhereStatus: number;
    noUpgradeStatus: number;
    receive: (client: Client, message: string | Buffer) => void;
    /** It has said something: its idle time begins anew. */
    heard: (client: Client) => void;
    replyTo: (message: string | Buffer) => string | undefined;
    reply: (client: Client, text: string) => void;
    idleSeconds: number;
    handshakeSeconds: number;
  };

function plainSum(every: number, idleSeconds: number): SumWsServer {
  const sums: SumWsServer = {
    every,
    idleSeconds,
    handshakeSeconds: HANDSHAKE_SECONDS,
    requestBytes: MAX_REQUEST_BYTES,
    elsewhereStatus: 404,
    noUpgradeStatus: 426,
    isThere: (path) => path === "/add" || path === "/echo",
    opened() {},
    reset: (client) => client.terminate(),
    receive(client, message) {
      sums.heard(client);
      if (client.data.echo) return void client.send(message);
      const text = sums.replyTo(message);
      if (text !== undefined) sums.reply(client, text);
    },
    heard({ data }) {
      data.lastMessage = performance.now();
    },
    answer,
    replyTo: (message) => (typeof message === "string" ? sums.answer(message).text : notTextReply),
    reply: (client, text) => void client.sendText(text),
  };
  return sums;
}

export const sumWsFaults = {
  ...sumFaults,
  ...connectionFaults<Client>(),
  silent: {
    words: "connections are accepted and read, and nothing is ever sent",
    fails: "1.1-10 2.1-11 3.3-7 4.2",
    change: () => ({ receive() {} }),
  },
  "out-of-order": {
    words: "every Nth reply of a connection comes after the next one",
    fails: "1.9 1.10 3.5",
    change({ reply, every }) {
      const isNth = everyNth<Client>({ every });
      const held = new Map<Client, string>();
      return {
        reply(client, text) {
          if (isNth(client)) return void held.set(client, text);
          reply(client, text);
          const before = held.get(client);
          if (before !== undefined && held.delete(client)) reply(client, before);
        },
      };
    },
  },
  once: {
    words: "a connection gets one reply, not one for each message",
    fails: "1.2-5 1.9 1.10 3.4 3.5 4.2",
    change({ receive }) {
      const served = new Set<Client>();
      return {
        receive(client, message) {
          if (!served.has(client)) receive(client, message);
          served.add(client);
        },
      };
    },
  },
  "status-222": {
    words: "a wrong path is answered with a status that does not exist",
    fails: "3.1",
    change: () => ({ elsewhereStatus: 222 }),
  },
  "any-path": { words: "every path is upgraded", fails: "3.1", change: () => ({ isThere: () => true }) },
  "ok-without-upgrade": {
    words: "a plain GET of /add is answered with 200",
    fails: "3.2",
    change: () => ({ noUpgradeStatus: 200 }),
  },
  "binary-too": {
    words: "a binary message is taken for JSON",
    fails: "3.3",
    change: ({ replyTo }) => ({ replyTo: (message) => replyTo(message.toString()) }),
  },
  "closes-on-error": {
    words: "a malformed request closes the connection",
    fails: "2.1-11 3.3 3.4",
    change: ({ reply }) => ({
      reply: (client, text) =>
        text.includes("Error") ? client.close(1000, "malformed") : reply(client, text),
    }),
  },
  "skips-empty": {
    words: "an empty message gets no answer",
    fails: "3.4",
    change: ({ replyTo }) => ({
      replyTo: (message) => (message.length === 0 ? undefined : replyTo(message)),
    }),
  },
  greets: {
    words: "the server speaks before it is asked",
    fails: "1.1-10 2.1-11 3.3-8 4.2",
    change: ({ reply }) => ({ opened: (client) => reply(client, "welcome") }),
  },
  "last-connection": {
    words: "the reply goes to who connected last",
    fails: "3.6",
    change({ reply }) {
      let last: Client;
      return {
        opened(client) {
          last = client;
        },
        reply: (_client, text) => reply(last, text),
      };
    },
  },
  "answers-twice": {
    words: "each request gets two replies",
    fails: "1.2-5 1.9 1.10 3.4-7 4.2",
    change: ({ reply }) => ({
      reply(client, text) {
        reply(client, text);
        reply(client, text);
      },
    }),
  },
  "deadline-once": {
    words: "the idle time is counted from the connect",
    fails: "4.2",
    change: () => ({ heard() {} }),
  },
  "never-idle": {
    words: "an idle connection is never closed",
    fails: "4.1",
    change: () => ({ idleSeconds: 86_400 }),
  },
  "patient-handshake": {
    words: "a handshake that is not finished is waited for",
    fails: "4.3",
    change: () => ({ handshakeSeconds: 30 }),
  },
} as const satisfies Faults<SumWsServer>;

export type SumWsFault = keyof typeof sumWsFaults | "none";
export type SumWsMutantOptions = {
  host: string;
  port: number;
  fault: SumWsFault;
  every: number;
  idleSeconds: number;
};

export function startSumWsMutant({ host, port, fault, every, idleSeconds }: SumWsMutantOptions): Running {
  const clients = new Set<Client>();
  const sums = withFault(plainSum(every, idleSeconds), sumWsFaults, fault);
  const server = Bun.serve<Connection>({
    hostname: host,
    port,
    idleTimeout: 30,
    fetch(request, server) {
      const { pathname } = new URL(request.url);
      handshakes.done(peerOf(server, request) ?? "");
      if (!sums.isThere(pathname)) return new Response("not found\n", { status: sums.elsewhereStatus });
      const data = { echo: pathname === "/echo", lastMessage: performance.now() };
      return server.upgrade(request, { data })
        ? undefined
        : new Response("WebSocket only\n", { status: sums.noUpgradeStatus });
    },
    websocket: {
      idleTimeout: 0,
      sendPings: false,
      perMessageDeflate: false,
      open(client) {
        clients.add(client);
        sums.opened(client);
      },
      message: (client, message) => sums.receive(client, message),
      close: (client) => void clients.delete(client),
    },
  });
  const handshakes = boundHandshakes(server.port ?? 0, sums.handshakeSeconds);
  const stopSweep = closeIdle(
    clients,
    ({ data }) => data.lastMessage,
    sums.idleSeconds,
    (client) => client.close(1000, "idle"),
  );
  return {
    url: urlOf("ws", host, server.port ?? port, "/add"),
    stop() {
      stopSweep();
      handshakes.stop();
      return server.stop(true);
    },
  };
}

export const sumWsMutant: ServerSpec = {
  summary: "WebSocket sums with one fault",
  protocol: () => "sum/ws",
  port: () => SUM_WS_PORT,
  options: (program) =>
    addFaultOption(program, sumWsFaults)
      .option("--every <number>", "the N of faults that strike every Nth message", wholeNumber(1), 10)
      .option("--idle-timeout <seconds>", "close a connection without messages", seconds, IDLE_SECONDS),
  start: ({ host, port, fault, every, idleTimeout }) =>
    startSumWsMutant({
      host,
      port,
      fault: fault as SumWsFault,
      every: Number(every),
      idleSeconds: Number(idleTimeout),
    }),
};

if (import.meta.main) await standalone(sumWsMutant);
