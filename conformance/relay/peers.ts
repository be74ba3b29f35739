/** Peers of the relay under test: each registered by a datagram, and known to be. */
import { relayPrefix } from "../../protocols/relay.ts";
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { datagram, nothing } from "../expect.ts";
import { sleep, type UdpPeer, until } from "../peer.ts";
import { Violation } from "../violation.ts";
import { show } from "../wire-log.ts";

const NAMES = ["alice", "bob", "carol", "dave", "erin"];

/** A payload of this author as everyone else receives it. */
export const relayed = (author: UdpPeer, payload: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(relayPrefix(author.address)), Buffer.from(payload)]);

/** Each of these receives the author's datagram next. */
export async function heardBy(
  listeners: readonly UdpPeer[],
  author: UdpPeer,
  payload: string | Uint8Array,
): Promise<void> {
  await Promise.all(listeners.map((listener) => datagram(listener, relayed(author, payload))));
}

/** So many peers, each registered by a first datagram that the earlier ones have received. */
export async function register(t: Context, count: number): Promise<UdpPeer[]> {
  const peers: UdpPeer[] = [];
  for (let i = 0; i < count; i++) {
    const peer = await t.udp(NAMES[t.peers.length] ?? `p${t.peers.length}`);
    peer.send(`${peer.name} is here`);
    // Addresses of earlier cases may still be registered: wait only for those of this one.
    await Promise.all(peers.map((other) => awaitWord(other, relayed(peer, `${peer.name} is here`))));
    peers.push(peer);
  }
  // A reused port may still be registered, and so have received something meanwhile.
  await sleep(15);
  for (const peer of peers) peer.datagrams.length = 0;
  return peers;
}

async function awaitWord(listener: UdpPeer, word: Buffer): Promise<void> {
  const { datagrams } = listener;
  let looked = 0;
  const came = () => {
    while (looked < datagrams.length && !datagrams[looked].equals(word)) looked++;
    return looked < datagrams.length;
  };
  if (await until(listener, listener.timeout, came)) datagrams.splice(0, looked + 1);
  else
    throw new Violation(
      `${listener.name} receives another client's first datagram`,
      datagrams.length > 0 ? `received ${show(datagrams[0])}` : "received nothing",
    );
}

export const quiet = nothing;

export type RelayRule = Omit<Case, "id" | "source"> & { number: string };

export const relayCases = (rules: readonly RelayRule[]): Case[] =>
  rules.map(({ number, ...rest }) => ({ ...rest, id: `relay/${number}`, source: "docs/protocols.md#relay" }));

/** A well-behaved client: two register, one sends, the other receives. */
export async function relayServes(t: Context): Promise<void> {
  await register(t, 2);
}
