#!/usr/bin/env bun
/**
 * A chat room in which one message of so many goes out so many microseconds late, to all alike: `bun
 * servers/known/slow-tail.ts --one-in 20 --behind 3000`. Where more than one in a hundred is late, p99 is that; the median
 * is what it is with `--behind 0`.
 */
import { now } from "../../platform/clock.ts";
import { dialects } from "../../protocols/chat.ts";
import { startChangedChat } from "../mutants/chat.ts";
import type { ChatRoom } from "../mutants/chat-room.ts";
import { type Running, type ServerSpec, standalone, wholeNumber } from "../standalone.ts";
import { createLater } from "./later.ts";

export type SlowTailOptions = { host: string; port: number; oneIn: number; behindMicroseconds: number };

export function startSlowTail({ oneIn, behindMicroseconds, ...where }: SlowTailOptions): Running {
  const { later, counters } = createLater();
  let [messages, waiting] = [0, 0];
  const slows = (right: ChatRoom): Partial<ChatRoom> => ({
    spread(recipients, message) {
      const late = ++messages % oneIn === 0 && behindMicroseconds > 0;
      // What comes behind a late one waits for it: the order is kept.
      if (!late && waiting === 0) return right.spread(recipients, message);
      const to = [...recipients];
      waiting++;
      later(now() + (late ? behindMicroseconds * 1000 : 0), () => {
        waiting--;
        right.spread(
          to.filter(({ gone }) => !gone),
          message,
        );
      });
    },
  });
  return { ...startChangedChat({ ...where, dialect: "chat/bracket", every: 1 }, slows), counters };
}

const spec: ServerSpec = {
  summary: "TCP chat room of which one message in so many is late by a known time",
  protocol: () => "chat/bracket",
  port: () => dialects["chat/bracket"].port,
  options: (program) =>
    program
      .option("--one-in <messages>", "of so many one is late", wholeNumber(1, 1_000_000), 20)
      .option("--behind <microseconds>", "by so much", wholeNumber(0, 10_000_000), 3000),
  start: ({ host, port, oneIn, behind }) =>
    startSlowTail({ host, port, oneIn: Number(oneIn), behindMicroseconds: Number(behind) }),
};

export default spec;
if (import.meta.main) await standalone(spec);
