#!/usr/bin/env bun
/**
 * A chat room that loses one in N deliveries, drawn at random, and counts them: `bun servers/known/loser.ts --one-in 100`.
 * What the bench says was lost must be that count exactly, so that what is no part of a measurement is never lost: the roll call
 * before it, and the last word of a sender behind it.
 */
import { seededRandom } from "../../platform/random.ts";
import { dialects } from "../../protocols/chat.ts";
import { isMark } from "../../protocols/stamp.ts";
import { startChangedChat } from "../mutants/chat.ts";
import type { ChatRoom } from "../mutants/chat-room.ts";
import { type Running, type ServerSpec, standalone, wholeNumber } from "../standalone.ts";

export type LoserOptions = { host: string; port: number; oneIn: number; seed: number };

/** By this name the count is in a sample's `serverCounters`. */
export const LOST = "deliveries lost on purpose";

export function startLoser({ oneIn, seed, ...where }: LoserOptions): Running {
  const random = seededRandom(seed);
  let lost = 0;
  let sparing = false;
  const loses = (right: ChatRoom): Partial<ChatRoom> => ({
    say(author, text) {
      sparing = isMark(text);
      right.say(author, text);
    },
    send(member, message) {
      if (!sparing && random() * oneIn < 1) lost++;
      else right.send(member, message);
    },
  });
  const server = startChangedChat({ ...where, dialect: "chat/bracket", every: 1 }, loses);
  return { ...server, counters: () => ({ [LOST]: lost }) };
}

const spec: ServerSpec = {
  summary: "TCP chat room that loses one in N deliveries, and counts them",
  protocol: () => "chat/bracket",
  port: () => dialects["chat/bracket"].port,
  options: (program) =>
    program
      .option("--one-in <number>", "the N", wholeNumber(1), 100)
      .option("--seed <number>", "which are lost", wholeNumber(0, 2 ** 31 - 1), 1),
  start: ({ host, port, oneIn, seed }) =>
    startLoser({ host, port, oneIn: Number(oneIn), seed: Number(seed) }),
};

export default spec;
if (import.meta.main) await standalone(spec);
