#!/usr/bin/env bun
/** A WebSocket sum server with one fault: `bun servers/mutants/sum-ws.ts --fault rounds`. */
import type { ServerWebSocket } from "bun";
import { answer, notTextReply, SUM_WS_PORT } from "../../protocols/sum.ts";
import { type Running, type ServerSpec, seconds, standalone, urlOf, wholeNumber } from "../standalone.ts";
import { faultyAnswer, sumFaults } from "./sum.ts";

export const sumWsFaults = {
  ...sumFaults,
  "out-of-order": "every Nth reply of a connection comes after the next one",
  once: "a connection gets one reply, not one for each message",
  silent: "connections are accepted and read, and nothing is ever sent",
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
    data.lastMessage = performance.now();
    const nth = ++data.requests % every === 0;
    if (fault === "silent" || (fault === "once" && data.requests > 1)) return;
    if (data.echo) return void socket.send(message);
    const text =
      typeof message !== "string" ? notTextReply : (faultyAnswer(fault, message) ?? answer(message).text);
    if (fault === "out-of-order" && nth) {
      data.held = text;
      return;
    }
    socket.send(text);
    if (data.held !== undefined) socket.send(data.held);
    data.held = undefined;
  }

  const server = Bun.serve<Connection>({
    hostname: host,
    port,
    idleTimeout: 5,
    fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (pathname !== "/add" && pathname !== "/echo") return new Response("not found\n", { status: 404 });
      const data = { echo: pathname === "/echo", requests: 0, lastMessage: performance.now() };
      return server.upgrade(request, { data })
        ? undefined
        : new Response("WebSocket only\n", { status: 426 });
    },
    websocket: {
      idleTimeout: 0,
      sendPings: false,
      perMessageDeflate: false,
      open: (socket) => void connections.add(socket),
      message: reply,
      close: (socket) => void connections.delete(socket),
    },
  });
  const sweep = setInterval(
    () => {
      const limit = performance.now() - idleSeconds * 1000;
      for (const socket of connections) if (socket.data.lastMessage < limit) socket.close(1000, "idle");
    },
    Math.min(1000, idleSeconds * 100),
  );

  return {
    url: urlOf("ws", host, server.port ?? port, "/add"),
    stop() {
      clearInterval(sweep);
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
