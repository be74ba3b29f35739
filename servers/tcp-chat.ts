#!/usr/bin/env bun
/**
 * TCP chat, four dialects (`--dialect`, chat/bracket by default): `bun servers/tcp-chat.ts --port 8080`.
 * The room is in room.ts, what the dialects say in protocols/chat.ts; here it meets the sockets.
 */
import { type Dialect, type DialectName, dialectNames, dialects, MAX_LINE_BYTES } from "../protocols/chat.ts";
import { createLineBuffer, NEWLINE, splitLines } from "../protocols/lines.ts";
import { listenTcp } from "./listen.ts";
import { createRoom, type Member } from "./room.ts";
import { listeningUrl, type Running, type ServerSpec, standalone, type Where } from "./standalone.ts";

export type ChatOptions = Where & {
  dialect: DialectName;
  console?: ReadableStream<Uint8Array>;
};

/** Starts the server; `console`, if given, is the operator's input, and its end stops nothing. */
export function startChat(options: ChatOptions, listen: typeof listenTcp<Member> = listenTcp): Running {
  const dialect: Dialect = dialects[options.dialect];
  const room = createRoom(dialect, (socket) => listener.linger(socket));
  const listener = listen(options, {
    open: room.join,
    data: room.receive,
    drain: room.drained,
    end: room.ended,
    close: room.closed,
  });
  if (options.console && dialect.fromServer) readConsole(options.console, dialect.fromServer, room.announce);
  return {
    url: listeningUrl("tcp", options, listener.port),
    stop: listener.stop,
    counters: () => ({ "slow readers evicted": room.evictions() }),
  };
}

async function readConsole(
  input: ReadableStream<Uint8Array>,
  toText: (line: string) => string,
  announce: (text: string) => void,
): Promise<void> {
  let lines = createLineBuffer();
  let skipping = false;
  const say = (bytes: Uint8Array, from: number, to: number) =>
    announce(toText(Buffer.from(bytes.subarray(from, to)).toString()));
  try {
    for await (const chunk of input)
      for (let from = 0, to = 0; from < chunk.length; from = to) {
        const end = chunk.indexOf(NEWLINE, from);
        to = end < 0 ? chunk.length : end + 1;
        if (!skipping && !splitLines(lines, chunk.subarray(from, to), MAX_LINE_BYTES, say)) {
          console.error(`console: a line of more than ${MAX_LINE_BYTES} bytes was not sent`);
          lines = createLineBuffer();
          skipping = true;
        }
        if (end >= 0) skipping = false;
      }
  } catch {} // standard input was closed or cannot be read: the console stops, the server does not
}

export const chatServer: ServerSpec = {
  summary: "TCP chat room",
  protocol: (options) => String(options.dialect),
  port: (options) => dialects[options.dialect as DialectName].port,
  options: (program) =>
    program.addOption(
      program
        .createOption("--dialect <name>", "what the room speaks")
        .choices(dialectNames)
        .default("chat/bracket"),
    ),
  streams: true,
  start: (options) =>
    startChat({ ...options, dialect: options.dialect as DialectName, console: Bun.stdin.stream() }),
};

/** The room of one dialect, which no flag changes. */
export function dialectServer(dialect: DialectName): ServerSpec {
  return {
    summary: dialects[dialect].summary,
    protocol: () => dialect,
    port: () => dialects[dialect].port,
    streams: true,
    start: (options) => startChat({ ...options, dialect, console: Bun.stdin.stream() }),
  };
}

export default chatServer;
if (import.meta.main) await standalone(chatServer);
