#!/usr/bin/env bun
/**
 * The reference chat room, right in everything, that uses a known share of CPU time more: a change for the
 * comparison to find. After each turn of the event loop in which something was read, it burns a share
 * (`--extra`, 10 % by default) of all CPU time the process has used since the last time, kernel included.
 */
import { type DialectName, dialectNames, dialects } from "../../protocols/chat.ts";
import { createBurner } from "../known/burn.ts";
import { type Connections, listenTcp } from "../listen.ts";
import type { Member } from "../room.ts";
import { type Running, type ServerSpec, standalone, wholeNumber } from "../standalone.ts";
import { startChat } from "../tcp-chat.ts";

export type SlowChatOptions = { host: string; port: number; dialect: DialectName; extraPercent: number };

export function startSlowChat({ extraPercent, ...where }: SlowChatOptions): Running {
  const burn = createBurner((used) => (used * extraPercent) / 100);
  return startChat(where, (where, room: Connections<Member>) =>
    listenTcp(where, {
      ...room,
      data(member, chunk) {
        room.data(member, chunk);
        burn();
      },
    }),
  );
}

export const slowChat: ServerSpec = {
  summary: "TCP chat room that uses a known share of CPU time more",
  protocol: (options) => String(options.dialect),
  port: (options) => dialects[options.dialect as DialectName].port,
  options: (program) =>
    program
      .addOption(
        program
          .createOption("--dialect <name>", "what the room speaks")
          .choices(dialectNames)
          .default("chat/bracket"),
      )
      .option("--extra <percent>", "CPU time on top of what the room needs", wholeNumber(0, 1000), 10),
  start: ({ host, port, dialect, extra }) =>
    startSlowChat({ host, port, dialect: dialect as DialectName, extraPercent: Number(extra) }),
};

export default slowChat;
if (import.meta.main) await standalone(slowChat);
