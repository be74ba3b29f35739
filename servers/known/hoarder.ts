#!/usr/bin/env bun
/**
 * The reference chat room, which keeps so much memory for each connection: `bun servers/known/hoarder.ts --kibibytes 64`.
 * Beside the same room with `--kibibytes 0` its resident memory per connection must rise by that.
 */
import { dialects } from "../../protocols/chat.ts";
import { type Connections, listenTcp } from "../listen.ts";
import type { Member } from "../room.ts";
import { type Running, type ServerSpec, standalone, wholeNumber } from "../standalone.ts";
import { startChat } from "../tcp-chat.ts";

export type HoarderOptions = { host: string; port: number; kibibytes: number };

export function startHoarder({ kibibytes, ...where }: HoarderOptions): Running {
  const hoard = new Map<Member, Uint8Array>();
  return startChat({ ...where, dialect: "chat/bracket" }, (where, room: Connections<Member>) =>
    listenTcp(where, {
      ...room,
      open(socket) {
        room.open(socket);
        // Written to: a page that nobody has touched is not resident.
        hoard.set(socket.data, new Uint8Array(kibibytes * 1024).fill(1));
      },
      close(member, error) {
        hoard.delete(member);
        room.close(member, error);
      },
    }),
  );
}

const spec: ServerSpec = {
  summary: "TCP chat room that keeps a known amount of memory for each connection",
  protocol: () => "chat/bracket",
  port: () => dialects["chat/bracket"].port,
  options: (program) =>
    program.option("--kibibytes <number>", "memory for each connection", wholeNumber(0, 16_384), 64),
  start: ({ host, port, kibibytes }) => startHoarder({ host, port, kibibytes: Number(kibibytes) }),
};

export default spec;
if (import.meta.main) await standalone(spec);
