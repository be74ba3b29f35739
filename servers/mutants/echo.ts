#!/usr/bin/env bun
/** An echo server with one fault: `bun servers/mutants/echo.ts --fault per-read`. */
import type { Socket } from "bun";
import { createOutbox, flush, pending, send } from "../../platform/outbox.ts";
import { type Running, type ServerSpec, standalone, urlOf } from "../standalone.ts";

export const echoFaults = {
  none: "no fault",
  "per-read": "one pong for each read, whatever is in it",
  "cut-at-1024": "a read takes 1,024 bytes at most, and the rest of it is lost",
  "no-newline": "a pong has no end of line",
  "one-buffer": "half a ping of one connection goes into the next one of another",
  "closes-at-fin": "what came before a FIN is not answered",
  "dies-of-reset": "a reset ends the server",
  "half-a-second": "a connection is ended half a second after its beginning",
  "one-pong": "a connection gets one pong",
  "keeps-everything": "what waits for a peer that does not read has no bound",
} as const;

type Connection = { rest: string; outbox: ReturnType<typeof createOutbox>; pongs: number; ending: boolean };

export function startEchoMutant({
  host,
  port,
  fault,
}: {
  host: string;
  port: number;
  fault: string;
}): Running {
  const has = (name: keyof typeof echoFaults) => fault === name;
  let shared = "";

  function pong(socket: Socket<Connection>, count: number): void {
    const { data } = socket;
    const allowed = has("one-pong") ? Math.min(count, 1 - data.pongs) : count;
    data.pongs += count;
    if (allowed > 0)
      send(data.outbox, socket, Buffer.from((has("no-newline") ? "pong" : "pong\n").repeat(allowed)));
  }

  function receive(socket: Socket<Connection>, bytes: Buffer): void {
    if (has("per-read")) {
      pong(socket, 1);
      return;
    }
    const chunk = (has("cut-at-1024") ? bytes.subarray(0, 1024) : bytes).toString("latin1");
    const lines = ((has("one-buffer") ? shared : socket.data.rest) + chunk).split("\n");
    socket.data.rest = shared = lines.pop() ?? "";
    const pings = lines.filter((line) => line === "ping").length;
    if (!has("closes-at-fin")) pong(socket, pings);
    else setTimeout(() => socket.data.ending || pong(socket, pings), 5);
  }

  const listener = Bun.listen<Connection>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = {
          rest: "",
          outbox: createOutbox(has("keeps-everything") ? 1e9 : 1_000_000),
          pongs: 0,
          ending: false,
        };
        if (has("half-a-second")) setTimeout(() => socket.terminate(), 500);
      },
      data: receive,
      drain(socket) {
        flush(socket.data.outbox, socket);
        if (socket.data.ending && pending(socket.data.outbox) === 0) socket.shutdown();
      },
      end(socket) {
        socket.data.ending = true;
        if (pending(socket.data.outbox) === 0) socket.shutdown();
      },
      close: (_socket, error) => void (has("dies-of-reset") && error && listener.stop(true)),
    },
  });
  return { url: urlOf("tcp", host, listener.port), stop: () => listener.stop(true) };
}

export const echoMutant: ServerSpec = {
  summary: "echo with one fault",
  protocol: () => "echo",
  port: () => 9000,
  options: (program) =>
    program.addOption(
      program
        .createOption("--fault <name>", "what is wrong")
        .choices(Object.keys(echoFaults))
        .default("none"),
    ),
  start: ({ host, port, fault }) => startEchoMutant({ host, port, fault: String(fault) }),
};

if (import.meta.main) await standalone(echoMutant);
