#!/usr/bin/env bun
/**
 * A chat room in which the member who came last gets each message so many milliseconds after the others:
 * `bun servers/known/slow-last.ts --behind 30`. That is the spread and the last receiver's latency; the first one's, and
 * nearly all others', are what they are with `--behind 0`.
 */
import { now } from "../../platform/clock.ts";
import { dialects } from "../../protocols/chat.ts";
import { startChangedChat } from "../mutants/chat.ts";
import type { ChatRoom } from "../mutants/chat-room.ts";
import { type Running, type ServerSpec, standalone, wholeNumber } from "../standalone.ts";
import { createLater } from "./later.ts";

export type SlowLastOptions = { host: string; port: number; behindMs: number };

export function startSlowLast({ behindMs, ...where }: SlowLastOptions): Running {
  const { later, counters } = createLater();
  const slows = (right: ChatRoom): Partial<ChatRoom> => ({
    spread(recipients, message) {
      const last = right.members().at(-1);
      right.spread(
        recipients.filter((member) => member !== last),
        message,
      );
      if (last && recipients.includes(last))
        later(now() + behindMs * 1e6, () => last.gone || right.send(last, message));
    },
  });
  return { ...startChangedChat({ ...where, dialect: "chat/bracket", every: 1 }, slows), counters };
}

const spec: ServerSpec = {
  summary: "TCP chat room whose last member gets each message a known time after the others",
  protocol: () => "chat/bracket",
  port: () => dialects["chat/bracket"].port,
  options: (program) =>
    program.option("--behind <milliseconds>", "after the others", wholeNumber(0, 10_000), 30),
  start: ({ host, port, behind }) => startSlowLast({ host, port, behindMs: Number(behind) }),
};

export default spec;
if (import.meta.main) await standalone(spec);
