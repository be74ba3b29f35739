/** The WebSocket room under test: entering, saying, hearing, by raw frames. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { until } from "../peer.ts";
import { Violation } from "../violation.ts";
import { message, noFrame, showFrame, type WsPeer } from "../ws-peer.ts";

const NAMES = ["alice", "bob", "carol", "dave", "erin"];
const { text } = opcodes;

/** A message as everyone but its author gets it. */
export const relayed = (author: WsPeer, words: string): string => `[${author.tcp.address}]: ${words}\n`;

/** Each of these hears these messages of the author next, in this order. */
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

/** So many enter, one after another; each is known to those before it before the next comes. */
export async function enter(t: Context, count: number): Promise<WsPeer[]> {
  const room: WsPeer[] = [];
  for (let i = 0; i < count; i++) room.push(await join(t, room));
  return room;
}

/** A first word tells that one has entered; it is said again until all have heard it. */
export async function join(t: Context, others: readonly WsPeer[]): Promise<WsPeer> {
  const peer = await t.ws(NAMES[t.peers.length] ?? `m${t.peers.length}`);
  if (others.length === 0) return peer;
  let hello = "";
  const at = (other: WsPeer) => other.frames().findIndex(({ payload }) => payload.toString() === hello);
  const heard = (other: WsPeer) => at(other) >= 0;
  for (let attempt = 1; attempt <= 8 && (attempt === 1 || !others.every(heard)); attempt++) {
    const word = attempt === 1 ? `hello from ${peer.name}` : `hello again from ${peer.name}, ${attempt}`;
    hello = relayed(peer, word);
    peer.text(word);
    await Promise.all(others.map((other) => until(other.tcp, t.patience / 8, () => heard(other))));
  }
  const deaf = others.find((other) => !heard(other));
  if (deaf)
    throw new Violation(
      `${deaf.name} receives a text message "${hello.trim()}" and an end of line`,
      deaf.frames().length > 0 ? `came ${showFrame(deaf.frames()[0])}` : "nothing came",
    );
  for (const other of others) other.frames().splice(0, at(other) + 1);
  return peer;
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
