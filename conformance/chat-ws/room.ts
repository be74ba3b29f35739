/** The WebSocket room under test: joining, sending, receiving, by raw frames. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { until } from "../peer.ts";
import { Violation } from "../violation.ts";
import { firstFrame, message, noFrame, showFrame, type WsPeer } from "../ws-peer.ts";

/** How often a new client sends its greeting, at most, until all have received it. */
const MAX_GREETINGS = 8;
const NAMES = ["alice", "bob", "carol", "dave", "erin"];
const { text } = opcodes;

/** A message as everyone but its sender receives it. */
export const relayed = (author: WsPeer, words: string): string => `[${author.tcp.address}]: ${words}\n`;

/** Each of these receives these messages of the author next, in this order. */
export async function heardBy(
  listeners: readonly WsPeer[],
  author: WsPeer,
  ...words: string[]
): Promise<void> {
  await Promise.all(
    listeners.map(async (listener) => {
      for (const word of words) await message(listener, text, relayed(author, word));
    }),
  );
}

export const quiet = async (...peers: WsPeer[]): Promise<void> => {
  await Promise.all(peers.map((peer) => noFrame(peer)));
};

/** So many clients join, one after another; each is known to the earlier ones before the next joins. */
export async function enter(t: Context, count: number): Promise<WsPeer[]> {
  const room: WsPeer[] = [];
  for (let i = 0; i < count; i++) room.push(await join(t, room));
  return room;
}

/** A first message shows that a client has joined; it is repeated until all have received it. */
export async function join(t: Context, others: readonly WsPeer[]): Promise<WsPeer> {
  const peer = await t.ws(NAMES[t.peers.length] ?? `m${t.peers.length}`);
  if (others.length === 0) return peer;
  for (let attempt = 1; ; attempt++) {
    const word = attempt === 1 ? `hello from ${peer.name}` : `hello again from ${peer.name}, ${attempt}`;
    const hello = relayed(peer, word);
    peer.text(word);
    // All are waited for each time: a client that has received an earlier one receives this one too.
    const [deaf] = await deafTo(hello, others, t.timeout / MAX_GREETINGS);
    if (!deaf) return peer;
    if (attempt < MAX_GREETINGS) continue;
    throw new Violation(
      `${deaf.name} receives a text message "${hello.trim()}" and a newline`,
      deaf.frames().length > 0 ? `received ${showFrame(deaf.frames()[0])}` : "received nothing",
    );
  }
}

/** Those that do not receive this message in time; the others have taken it. */
async function deafTo(text: string, others: readonly WsPeer[], milliseconds: number): Promise<WsPeer[]> {
  const hears = others.map(async (other) => {
    const at = firstFrame(other, ({ payload }) => payload.toString() === text);
    const heard = await until(other.tcp, milliseconds, () => at() >= 0);
    if (heard) other.frames().splice(0, at() + 1);
    return heard;
  });
  const heard = await Promise.all(hears);
  return others.filter((_, i) => !heard[i]);
}

export const binary = (peer: WsPeer, payload: Uint8Array): void => peer.send(FIN | opcodes.binary, payload);

export type WsRule = Omit<Case, "id" | "source"> & { number: string };

export const wsCases = (slug: "chat-ws" | "hub", rules: readonly WsRule[]): Case[] =>
  rules.map(({ number, ...rest }) => ({
    ...rest,
    id: `${slug}/${number}`,
    source: `docs/protocols.md#${slug}`,
  }));

export async function chatWsServes(t: Context): Promise<void> {
  await enter(t, 2);
}
