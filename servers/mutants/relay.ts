#!/usr/bin/env bun
/**
 * A UDP relay with one fault: `bun servers/mutants/relay.ts --fault forwards-512`.
 * The plainest relay that is right (`--fault none`); silent truncation is the reference relay's own
 * `--oversize truncate`.
 */
import { addressText } from "../../platform/address.ts";
import { fdOf, growReceiveBuffer } from "../../platform/socket-options.ts";
import { refusedDestinations } from "../../platform/udp-errors.ts";
import {
  FORGET_AFTER_SECONDS,
  MAX_PAYLOAD_BYTES,
  oversizeNotice,
  RELAY_PORT,
  relayPrefix,
} from "../../protocols/relay.ts";
import { type Running, type ServerSpec, seconds, standalone, urlOf, wholeNumber } from "../standalone.ts";

export const relayFaults = {
  none: "no fault",
  "drops-silently": "a datagram over 1,024 bytes is dropped and its sender is not told",
  "forwards-512": "at most the first 512 bytes of a datagram are relayed",
  loses: "every Nth datagram of an author is not relayed",
  duplicates: "every Nth datagram of an author is relayed twice",
  corrupts: "a byte of every Nth datagram of an author is changed",
  silent: "datagrams are received, and nothing is ever sent",
  truncates: "the first 1,024 bytes of a longer datagram are relayed, and nobody is told",
  echoes: "a datagram goes back to its author too",
  "first-unheard": "the datagram that registers an address is not relayed",
  "by-host": "clients are told apart by their address without its port",
  "relays-empty": "an empty datagram is relayed",
  "empty-unregistered": "an empty datagram does not register its source",
  "registers-twice": "each datagram registers its source once more",
  "strips-newlines": "an end of line behind a payload is cut off",
  decodes: "the payload is decoded and encoded again",
  "limit-1000": "the limit is 1,000 bytes",
  "tells-always": "the author of every datagram that is too long is told",
  "tells-once": "an author is told once, and never again",
  "tells-one": "only the first author of a datagram that is too long is told",
  "bans-oversize": "who sent a datagram that was too long is not heard any more",
  "one-recipient": "a datagram goes to one other address only",
  "last-author": "a datagram carries the address of who registered last",
  "dies-of-icmp": "the ICMP error of one who has gone ends the server",
  "loses-after-icmp": "the datagram that meets another's ICMP error is lost",
  "never-forgets": "an address is never forgotten",
  "forgets-talkers": "an address is forgotten so long after its first datagram, whatever it sends",
  "flood-starves": "while one address sends a hundred datagrams in a second, nobody else is heard",
  "registers-once": "an address that was forgotten is not registered again",
  busy: "it looks for datagrams without end",
} as const;

export type RelayFault = keyof typeof relayFaults;

type Client = {
  address: string;
  ip: string;
  port: number;
  said: number;
  lastSeen: number;
  lastNotice: number;
};

export type RelayMutantOptions = {
  host: string;
  port: number;
  fault: RelayFault;
  every: number;
  forgetAfterSeconds: number;
};

export async function startRelayMutant(options: RelayMutantOptions): Promise<Running> {
  const { fault, every } = options;
  const clients = new Map<string, Client>();

  const banned = new Set<string>();
  let toldSomeone = false;

  function sendTo({ ip, port }: Client, bytes: Uint8Array): void {
    if (fault === "silent") return;
    // A pending error of another address makes the first call throw (Bun 1.4.5); the second is this one's.
    for (let attempt = 0; attempt < 2; attempt++)
      try {
        socket.send(bytes, port, ip);
        return;
      } catch {
        forgetRefused();
        if (fault === "loses-after-icmp") return;
      }
  }

  function forgetRefused(): void {
    const refused = refusedDestinations(fdOf(socket));
    if (fault === "dies-of-icmp" && refused.length > 0) socket.close();
    for (const address of refused) clients.delete(address);
  }

  function register(ip: string, port: number): Client {
    const address = addressText(ip, port);
    const key =
      fault === "by-host" ? ip : fault === "registers-twice" ? `${address} ${clients.size}` : address;
    const client = clients.get(key) ?? { address, ip, port, said: 0, lastSeen: 0, lastNotice: -1000 };
    if (fault !== "forgets-talkers" || client.lastSeen === 0) client.lastSeen = performance.now();
    if (fault !== "registers-once" || !banned.has(address)) clients.set(key, client);
    return client;
  }

  /** Who sends the most, and how often in this second. */
  let loudest: Client | undefined;
  let heard = new Map<Client, number>();

  function isDrowned(author: Client): boolean {
    const count = (heard.get(author) ?? 0) + 1;
    heard.set(author, count);
    if (count > 100) loudest = author;
    return loudest !== undefined && loudest !== author;
  }

  function relay(author: Client, payload: Uint8Array): void {
    if (fault === "flood-starves" && isDrowned(author)) return;
    const nth = ++author.said % every === 0;
    if (nth && fault === "loses") return;
    if (fault === "first-unheard" && author.said === 1) return;
    const named = fault === "last-author" ? ([...clients.values()].pop() ?? author) : author;
    const message = Buffer.concat([Buffer.from(relayPrefix(named.address)), payload]);
    if (nth && fault === "corrupts") message[message.length - 1] ^= 1;
    for (const client of [...clients.values()]) {
      if (client === author && fault !== "echoes") continue;
      sendTo(client, message);
      if (fault === "one-recipient") return;
      if (nth && fault === "duplicates") sendTo(client, message);
    }
  }

  function refuse(author: Client, bytes: number): void {
    if (fault === "drops-silently" || (fault === "tells-one" && toldSomeone)) return;
    if (fault === "bans-oversize") banned.add(author.address);
    const again = fault === "tells-once" ? Number.POSITIVE_INFINITY : fault === "tells-always" ? 0 : 1000;
    if (author.lastNotice >= 0 && performance.now() - author.lastNotice < again) return;
    toldSomeone = true;
    author.lastNotice = performance.now();
    sendTo(author, Buffer.from(oversizeNotice(bytes)));
  }

  function faultyPayload(payload: Buffer): Uint8Array {
    if (fault === "forwards-512") return payload.subarray(0, 512);
    if (fault === "decodes") return Buffer.from(payload.toString());
    if (fault !== "strips-newlines") return payload;
    return Buffer.from(payload.toString("latin1").trimEnd(), "latin1");
  }

  const socket = await Bun.udpSocket({
    hostname: options.host,
    port: options.port,
    socket: {
      data(_socket, payload: Buffer, port, ip) {
        if (payload.length === 0 && fault === "empty-unregistered") return;
        const author = register(ip, port);
        if (banned.has(author.address) && fault === "bans-oversize") return;
        const limit = fault === "limit-1000" ? 1000 : MAX_PAYLOAD_BYTES;
        if (payload.length > limit && fault === "truncates") relay(author, payload.subarray(0, limit));
        else if (payload.length > limit) refuse(author, payload.length);
        else if (payload.length > 0 || fault === "relays-empty") relay(author, faultyPayload(payload));
      },
      error: forgetRefused,
    },
  });
  growReceiveBuffer(fdOf(socket), 16 * 1024 * 1024);
  const forgetLoudest = setInterval(() => {
    loudest = undefined;
    heard = new Map();
  }, 1000);
  const sweep = setInterval(() => {
    const limit = performance.now() - options.forgetAfterSeconds * 1000;
    if (fault === "never-forgets") return;
    for (const client of clients.values())
      if (client.lastSeen < limit && clients.delete(client.address) && fault === "registers-once")
        banned.add(client.address);
  }, options.forgetAfterSeconds * 250);

  const spin = () => void setImmediate(spin);
  if (fault === "busy") spin();

  return {
    url: urlOf("udp", options.host, socket.port),
    stop() {
      clearInterval(sweep);
      clearInterval(forgetLoudest);
      socket.close();
    },
  };
}

export const relayMutant: ServerSpec = {
  summary: "UDP relay with one fault",
  protocol: () => "relay",
  port: () => RELAY_PORT,
  options: (program) =>
    program
      .addOption(
        program
          .createOption("--fault <name>", "what is wrong")
          .choices(Object.keys(relayFaults))
          .default("none"),
      )
      .option("--every <number>", "the N of faults that strike every Nth datagram", wholeNumber(1), 10)
      .option("--forget-after <seconds>", "forget an address that is silent", seconds, FORGET_AFTER_SECONDS),
  start: ({ host, port, fault, every, forgetAfter }) =>
    startRelayMutant({
      host,
      port,
      fault: fault as RelayFault,
      every: Number(every),
      forgetAfterSeconds: Number(forgetAfter),
    }),
};

if (import.meta.main) await standalone(relayMutant);
