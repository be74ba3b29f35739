#!/usr/bin/env bun
/** An echo server with one fault: `bun servers/mutants/echo.ts --fault per-read`. */
import { MAX_LINE_BYTES } from "../../protocols/chat.ts";
import { ECHO_PORT, PONG } from "../../protocols/echo.ts";
import { createLineBuffer, type LineBuffer, splitLines } from "../../protocols/lines.ts";
import { type Running, type ServerSpec, standalone } from "../standalone.ts";
import { addFaultOption, type Faults, withFault } from "./fault.ts";
import { plainListener, type StreamServer, startStream, streamFaults } from "./stream.ts";

type EchoServer = StreamServer<LineBuffer>;

const plainEcho = (): EchoServer => ({
  ...plainListener(),
  createState: createLineBuffer,
  respond(lines, chunk) {
    let pongs = 0;
    splitLines(lines, chunk, MAX_LINE_BYTES, (bytes, from, to) => {
      if (Buffer.from(bytes.subarray(from, to)).toString() === "ping") pongs++;
    });
    return { replies: `${PONG}\n`.repeat(pongs) };
  },
  idleSeconds: 300,
});

export const echoFaults = {
  ...streamFaults<LineBuffer>(),
  "per-read": {
    words: "one pong for each read, whatever is in it",
    fails: "1.2 1.3 1.5",
    change: () => ({ respond: () => ({ replies: `${PONG}\n` }) }),
  },
  "cut-at-1024": {
    words: "a read takes 1,024 bytes at most, and the rest of it is lost",
    fails: "1.5",
    change: ({ respond }) => ({ respond: (lines, chunk) => respond(lines, chunk.subarray(0, 1024)) }),
  },
  "keeps-everything": {
    words: "what waits for a peer that does not read has no bound",
    fails: "2.2",
    change: () => ({ pauseBytes: 1e9, queueBytes: 1e9 }),
  },
} as const satisfies Faults<EchoServer>;

export function startEchoMutant(options: { host: string; port: number; fault: string }): Running {
  return startStream(options, withFault(plainEcho(), echoFaults, options.fault));
}

export const echoMutant: ServerSpec = {
  summary: "echo with one fault",
  protocol: () => "echo",
  port: () => ECHO_PORT,
  options: (program) => addFaultOption(program, echoFaults),
  start: ({ host, port, fault }) => startEchoMutant({ host, port, fault: String(fault) }),
};

if (import.meta.main) await standalone(echoMutant);
