#!/usr/bin/env bun
/**
 * TCP echo: `bun servers/tcp-echo.ts --port 9000`. A `pong` for each line. `--unframed` takes each read for a
 * message instead, and so makes visible what coalescing does: ten pings in one segment get one pong.
 */
import { MAX_LINE_BYTES } from "../protocols/chat.ts";
import { ECHO_PORT, PONG, UNFRAMED_READ_BYTES } from "../protocols/echo.ts";
import { createLineBuffer, type LineBuffer, splitLines } from "../protocols/lines.ts";
import { type Answer, serveRequests } from "./request-stream.ts";
import { type Running, type ServerSpec, seconds, standalone, type Where } from "./standalone.ts";

const IDLE_SECONDS = 300;

function perLine(lines: LineBuffer, chunk: Uint8Array): Answer {
  let count = 0;
  const readable = splitLines(lines, chunk, MAX_LINE_BYTES, () => {
    count++;
  });
  return { replies: `${PONG}\n`.repeat(count), last: !readable };
}

/** Bun reads more than 1,024 bytes at once: a chunk counts as so many reads as it would have taken. */
const perRead = (_: LineBuffer, chunk: Uint8Array): Answer => ({
  replies: PONG.repeat(Math.ceil(chunk.length / UNFRAMED_READ_BYTES)),
});

export function startEcho(options: Where & { unframed: boolean; idleSeconds: number }): Running {
  return serveRequests(options, {
    createState: createLineBuffer,
    respond: options.unframed ? perRead : perLine,
    idleSeconds: options.idleSeconds,
  });
}

export const echoServer: ServerSpec = {
  summary: "TCP echo: pong for each line, or for each read",
  protocol: () => "echo",
  port: () => ECHO_PORT,
  options: (program) =>
    program
      .option("--unframed", "one pong for each read of up to 1,024 bytes, without newline", false)
      .option("--idle-timeout <seconds>", "close a connection that is silent", seconds, IDLE_SECONDS),
  streams: true,
  start: (options) =>
    startEcho({ ...options, unframed: options.unframed === true, idleSeconds: Number(options.idleTimeout) }),
};

export default echoServer;
if (import.meta.main) await standalone(echoServer);
