#!/usr/bin/env bun
/** A WebSocket sum server with one fault: `bun servers/mutants/sum-ws.ts --fault rounds`. */
import type { ServerWebSocket } from "bun";
import { boundHandshakes } from "../../platform/handshakes.ts";
import { answer, notTextReply, SUM_WS_PORT } from "../../protocols/sum.ts";
import { type Running, type ServerSpec, seconds, standalone, urlOf, wholeNumber } from "../standalone.ts";
import { peerOf } from "../websocket.ts";
import { faultyAnswer, sumFaults } from "./sum.ts";

export const sumWsFaults = {
  ...sumFaults,
  "out-of-order": "every Nth reply of a connection comes after the next one",
  once: "a connection gets one reply, not one for each message",
  silent: "connections are accepted and read, and nothing is ever sent",
  "status-222": "a wrong path is answered with a status that does not exist",
  "any-path": "every path is upgraded",
  "ok-without-upgrade": "a plain GET of /add is answered with 200",
  "binary-too": "a binary message is taken for JSON",
  "closes-on-error": "a malformed request closes the connection",
  "skips-empty": "an empty message gets no answer",
  greets: "the server speaks before it is asked",
  "last-connection": "the reply goes to who connected last",
  "answers-twice": "each request gets two replies",
  "deadline-once": "the idle time is counted from the connect",
  "half-a-second": "a connection is ended half a second after its beginning",
  "never-idle": "an idle connection is never closed",
  "patient-handshake": "a handshake that is not finished is waited for",
} as const;

export type SumWsFault = keyof typeof sumWsFaults;
export type SumWsMutantOptions = {
  host: string;
  port: number;
  fault: SumWsFault;
  every: number;
  idleSeconds: number;
};

type Connection = { echo: boolean; requests: number; held?: string | undefined; lastMessage: number };

export function startSumWsMutant({ host, port, fault, every, idleSeconds }: SumWsMutantOptions): Running {
  const connections = new Set<ServerWebSocket<Connection>>();

  function reply(socket: ServerWebSocket<Connection>, message: string | Buffer): void {
    const { data } = socket;
    if (fault !== "deadline-once") data.lastMessage = performance.now();
    const nth = ++data.requests % every === 0;
    if (fault === "silent" || (fault === "once" && data.requests > 1)) return;
    if (data.echo) return void socket.send(message);
    if (fault === "skips-empty" && message.length === 0) return;
    const taken = fault === "binary-too" ? String(message) : message;
    const text =
      typeof taken !== "string" ? notTextReply : (faultyAnswer(fault, taken) ?? answer(taken).text);
    if (fault === "closes-on-error" && text.includes("Error")) {
      socket.close(1000, "malformed");
      return;
    }
    if (fault === "out-of-order" && nth) {
      data.held = text;
      return;
    }
    const to = fault === "last-connection" ? ([...connections].pop() ?? socket) : socket;
    to.send(text);
    if (fault === "answers-twice") to.send(text);
    if (data.held !== undefined) socket.send(data.held);
    data.held = undefined;
  }

  const server = Bun.serve<Connection>({
    hostname: host,
    port,
    idleTimeout: 30,
    fetch(request, server) {
      const { pathname } = new URL(request.url);
      handshakes?.done(peerOf(server, request) ?? "");
      if (pathname !== "/add" && pathname !== "/echo" && fault !== "any-path")
        return new Response("not found\n", { status: fault === "status-222" ? 222 : 404 });
      const data = { echo: pathname === "/echo", requests: 0, lastMessage: performance.now() };
      return server.upgrade(request, { data })
        ? undefined
        : new Response("WebSocket only\n", { status: fault === "ok-without-upgrade" ? 200 : 426 });
    },
    websocket: {
      idleTimeout: 0,
      sendPings: false,
      perMessageDeflate: false,
      open(socket) {
        connections.add(socket);
        if (fault === "half-a-second") setTimeout(() => socket.terminate(), 500);
        if (fault === "greets") socket.send("welcome");
      },
      message: reply,
      close: (socket) => void connections.delete(socket),
    },
  });
  const handshakes = fault === "patient-handshake" ? undefined : boundHandshakes(server.port ?? 0, 5);
  const sweep = setInterval(
    () => {
      const limit = performance.now() - idleSeconds * 1000;
      if (fault === "never-idle") return;
      for (const socket of connections) if (socket.data.lastMessage < limit) socket.close(1000, "idle");
    },
    Math.min(1000, idleSeconds * 100),
  );

  return {
    url: urlOf("ws", host, server.port ?? port, "/add"),
    stop() {
      clearInterval(sweep);
      handshakes?.stop();
      return server.stop(true);
    },
  };
}

export const sumWsMutant: ServerSpec = {
  summary: "WebSocket sums with one fault",
  protocol: () => "sum/ws",
  port: () => SUM_WS_PORT,
  options: (program) =>
    program
      .addOption(
        program
          .createOption("--fault <name>", "what is wrong")
          .choices(Object.keys(sumWsFaults))
          .default("none"),
      )
      .option("--every <number>", "the N of faults that strike every Nth message", wholeNumber(1), 10)
      .option("--idle-timeout <seconds>", "close a connection without messages", seconds, 20),
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
