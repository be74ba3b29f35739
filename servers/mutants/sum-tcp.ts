#!/usr/bin/env bun
/** A TCP sum server with one fault: `bun servers/mutants/sum-tcp.ts --fault one-read`. */
import type { Socket } from "bun";
import { createObjectSplitter, splitObjects } from "../../protocols/json-objects.ts";
import { answer, MAX_REQUEST_BYTES, notAnObjectReply, SUM_PORT, tooLongReply } from "../../protocols/sum.ts";
import { type Running, type ServerSpec, seconds, standalone, urlOf } from "../standalone.ts";
import { faultyAnswer, sumFaults } from "./sum.ts";

export const sumTcpFaults = {
  ...sumFaults,
  "one-read": "one read is taken for one request",
  "cut-at-256": "a read takes 256 bytes at most, and the rest of it is lost",
  "out-of-order": "of two requests in one read the second is answered first",
  "waits-for-a-line": "a request is answered when an end of line or another request comes",
  "no-blanks": "blanks between requests are an error",
  "no-newline": "a reply has no end of line",
  "two-lines": "a reply ends with two ends of line",
  "one-a-connection": "the connection closes after the first reply",
  "stays-open": "the connection stays open after an error",
  "resets-errors": "after an error the connection is reset before it can be read",
  "answers-after-error": "requests behind an error are answered still",
  "waits-for-the-end": "an endless request is waited for",
  "closes-at-fin": "what came before a FIN is not answered",
  "one-buffer": "half a request of one connection goes into the next one of another",
  "deadline-once": "the idle time is counted from the connect",
  "half-a-second": "a connection is ended half a second after its beginning",
  "never-idle": "an idle connection is never closed",
  silent: "connections are accepted and read, and nothing is ever sent",
} as const;

type Connection = {
  splitter: ReturnType<typeof createObjectSplitter>;
  held: string;
  replied: number;
  closed: boolean;
  idle?: Timer;
};

export function startSumTcpMutant(options: {
  host: string;
  port: number;
  fault: string;
  idleSeconds: number;
}): Running {
  const { host, port, fault, idleSeconds } = options;
  const has = (name: keyof typeof sumTcpFaults) => fault === name;
  const limit = has("waits-for-the-end") || has("long") ? 1e9 : MAX_REQUEST_BYTES;
  const shared = createObjectSplitter(limit);

  function finish(socket: Socket<Connection>): void {
    if (has("stays-open")) return;
    socket.data.closed = true;
    if (has("answers-after-error")) setTimeout(() => socket.shutdown(), 20);
    else socket.shutdown();
  }

  function reply(socket: Socket<Connection>, text: string, ok: boolean): void {
    if (has("silent") || (socket.data.closed && !has("answers-after-error"))) return;
    const end = has("no-newline") ? "" : has("two-lines") ? "\n\n" : "\n";
    if (has("resets-errors") && !ok) {
      socket.terminate();
      return;
    }
    socket.write(text + end);
    socket.data.replied++;
    if (!ok || has("one-a-connection")) finish(socket);
  }

  function request(socket: Socket<Connection>, text: string): void {
    const faulty = faultyAnswer(fault, text);
    const { text: right, ok } = answer(text);
    const send = () => reply(socket, faulty ?? right, faulty !== undefined || ok);
    if (!has("closes-at-fin")) send();
    else setTimeout(() => socket.data.closed || send(), 5);
  }

  function receive(socket: Socket<Connection>, bytes: Buffer): void {
    const { data } = socket;
    if (!has("deadline-once")) watch(socket);
    const chunk = has("cut-at-256") ? bytes.subarray(0, 256) : bytes;
    if (has("one-read")) {
      request(socket, chunk.toString());
      return;
    }
    if (has("no-blanks") && /[\s]\{|\}\s/.test(chunk.toString())) {
      reply(socket, notAnObjectReply, false);
      return;
    }
    const requests: string[] = [];
    const take = (bytes: Uint8Array, from: number, to: number) =>
      void requests.push(Buffer.from(bytes.subarray(from, to)).toString());
    const fault = splitObjects(has("one-buffer") ? shared : data.splitter, chunk, take);
    if (has("out-of-order")) requests.reverse();
    if (has("waits-for-a-line") && data.held) requests.unshift(data.held);
    data.held = has("waits-for-a-line") && chunk.at(-1) !== 10 ? (requests.pop() ?? "") : "";
    for (const text of requests) request(socket, text);
    if (fault) reply(socket, fault === "too long" ? tooLongReply : notAnObjectReply, false);
  }

  function watch(socket: Socket<Connection>): void {
    clearTimeout(socket.data.idle);
    if (!has("never-idle")) socket.data.idle = setTimeout(() => socket.end(), idleSeconds * 1000);
  }

  const listener = Bun.listen<Connection>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = { splitter: createObjectSplitter(limit), held: "", replied: 0, closed: false };
        if (has("half-a-second")) setTimeout(() => socket.terminate(), 500);
        watch(socket);
      },
      data: receive,
      end(socket) {
        socket.data.closed = true;
        socket.shutdown();
      },
      close: ({ data }) => clearTimeout(data.idle),
    },
  });
  return { url: urlOf("tcp", host, listener.port), stop: () => listener.stop(true) };
}

export const sumTcpMutant: ServerSpec = {
  summary: "TCP sums with one fault",
  protocol: () => "sum/tcp",
  port: () => SUM_PORT,
  options: (program) =>
    program
      .addOption(
        program
          .createOption("--fault <name>", "what is wrong")
          .choices(Object.keys(sumTcpFaults))
          .default("none"),
      )
      .option("--idle-timeout <seconds>", "close a connection without requests", seconds, 30),
  start: ({ host, port, fault, idleTimeout }) =>
    startSumTcpMutant({ host, port, fault: String(fault), idleSeconds: Number(idleTimeout) }),
};

if (import.meta.main) await standalone(sumTcpMutant);
