#!/usr/bin/env bun
/**
 * The reference chat room, which burns a fixed time of the CPU for each delivery: `bun servers/known/burner.ts
 * --nanoseconds 500`. Beside the same room with `--nanoseconds 0` the server's CPU per delivery must rise by that.
 */
import { dialects } from "../../protocols/chat.ts";
import { NEWLINE } from "../../protocols/lines.ts";
import { type Connections, listenTcp } from "../listen.ts";
import type { Member } from "../room.ts";
import { type Running, type ServerSpec, standalone, wholeNumber } from "../standalone.ts";
import { startChat } from "../tcp-chat.ts";
import { createBurner } from "./burn.ts";

export type BurnerOptions = { host: string; port: number; nanoseconds: number };

export function startBurner({ nanoseconds, ...where }: BurnerOptions): Running {
  const members = new Set<Member>();
  let deliveries = 0;
  const burn = createBurner(() => {
    const owed = deliveries * nanoseconds;
    deliveries = 0;
    return owed;
  });
  return startChat({ ...where, dialect: "chat/bracket" }, (where, room: Connections<Member>) =>
    listenTcp(where, {
      ...room,
      open(socket) {
        room.open(socket);
        members.add(socket.data);
      },
      data(member, chunk) {
        room.data(member, chunk);
        deliveries += linesIn(chunk) * (members.size - 1);
        burn();
      },
      close(member, error) {
        members.delete(member);
        room.close(member, error);
      },
    }),
  );
}

/** Each becomes a delivery to everyone but its author. */
function linesIn(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}

const spec: ServerSpec = {
  summary: "TCP chat room that burns a fixed time of the CPU for each delivery",
  protocol: () => "chat/bracket",
  port: () => dialects["chat/bracket"].port,
  options: (program) =>
    program.option("--nanoseconds <number>", "CPU time for each delivery", wholeNumber(0, 1_000_000), 500),
  start: ({ host, port, nanoseconds }) => startBurner({ host, port, nanoseconds: Number(nanoseconds) }),
};

export default spec;
if (import.meta.main) await standalone(spec);
