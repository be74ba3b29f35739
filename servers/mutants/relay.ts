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

  function sendTo({ ip, port }: Client, bytes: Uint8Array): void {
    if (fault === "silent") return;
    // A pending error of another address makes the first call throw (Bun 1.4.5); the second is this one's.
    for (let attempt = 0; attempt < 2; attempt++)
      try {
        socket.send(bytes, port, ip);
        return;
      } catch {
        forgetRefused();
      }
  }

  function forgetRefused(): void {
    for (const address of refusedDestinations(fdOf(socket))) clients.delete(address);
  }

  function register(ip: string, port: number): Client {
    const address = addressText(ip, port);
    const client = clients.get(address) ?? { address, ip, port, said: 0, lastSeen: 0, lastNotice: -1000 };
    client.lastSeen = performance.now();
    clients.set(address, client);
    return client;
  }

  function relay(author: Client, payload: Uint8Array): void {
    const nth = ++author.said % every === 0;
    if (nth && fault === "loses") return;
    const message = Buffer.concat([Buffer.from(relayPrefix(author.address)), payload]);
    if (nth && fault === "corrupts") message[message.length - 1] ^= 1;
    for (const client of [...clients.values()]) {
      if (client === author) continue;
      sendTo(client, message);
      if (nth && fault === "duplicates") sendTo(client, message);
    }
  }

  function refuse(author: Client, bytes: number): void {
    if (fault === "drops-silently" || author.lastSeen - author.lastNotice < 1000) return;
    author.lastNotice = author.lastSeen;
    sendTo(author, Buffer.from(oversizeNotice(bytes)));
  }

  const socket = await Bun.udpSocket({
    hostname: options.host,
    port: options.port,
    socket: {
      data(_socket, payload: Buffer, port, ip) {
        const author = register(ip, port);
        if (payload.length > MAX_PAYLOAD_BYTES) refuse(author, payload.length);
        else if (payload.length > 0)
          relay(author, fault === "forwards-512" ? payload.subarray(0, 512) : payload);
      },
      error: forgetRefused,
    },
  });
  growReceiveBuffer(fdOf(socket), 16 * 1024 * 1024);
  const sweep = setInterval(() => {
    const limit = performance.now() - options.forgetAfterSeconds * 1000;
    for (const client of clients.values()) if (client.lastSeen < limit) clients.delete(client.address);
  }, options.forgetAfterSeconds * 250);

  return {
    url: urlOf("udp", options.host, socket.port),
    stop() {
      clearInterval(sweep);
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
