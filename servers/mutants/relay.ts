#!/usr/bin/env bun
/**
 * A UDP relay with one fault: `bun servers/mutants/relay.ts --fault forwards-512`.
 * The plainest relay that is right (`--fault none`); silent truncation is the reference relay's own
 * `--oversize truncate`.
 */
import type { udp } from "bun";
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
import { addFaultOption, changed, changeOf } from "./fault.ts";
import { type RelayFault, relayFaults } from "./relay-faults.ts";
import type { Room } from "./room.ts";

export type Client = { address: string; ip: string; port: number; lastSeen: number; lastNotice: number };

/** The decisions of the relay: a room whose members are addresses. */
export type Relay = Room<Client> & {
  receive: (payload: Buffer, ip: string, port: number) => void;
  /** What tells a client from others. */
  keyOf: (address: string, ip: string) => string;
  register: (client: Client, key: string) => void;
  /** It has sent something. */
  seen: (client: Client) => void;
  /** Tells of a datagram that was too long, at most once in so many milliseconds. */
  refuse: (author: Client, bytes: number) => void;
  noticeEveryMs: number;
  /** How often a datagram is offered that meets the error of another address. */
  attempts: number;
  /** These addresses cannot be reached; this one has been silent for too long. */
  refused: (addresses: string[]) => void;
  forget: (address: string) => void;
  /** Called once a second. */
  tick: () => void;
};

export type RelayMutantOptions = {
  host: string;
  port: number;
  fault: RelayFault;
  every: number;
  forgetAfterSeconds: number;
};

/** The relay that is right; `socket` is there when the first datagram is. */
function plainRelay(every: number, socket: () => udp.Socket<"buffer">): Relay {
  const clients = new Map<string, Client>();
  const relay: Relay = {
    every,
    messageBytes: MAX_PAYLOAD_BYTES,
    noticeEveryMs: 1000,
    attempts: 2,
    members: () => [...clients.values()],
    tick: () => {},
    die: () => socket().close(),
    receive(payload, ip, port) {
      const address = addressText(ip, port);
      const key = relay.keyOf(address, ip);
      const client = clients.get(key) ?? { address, ip, port, lastSeen: 0, lastNotice: -1000 };
      relay.register(client, key);
      relay.seen(client);
      if (payload.length > relay.messageBytes) relay.refuse(client, payload.length);
      else if (payload.length > 0) relay.say(client, payload);
    },
    keyOf: (address) => address,
    register: (client, key) => void clients.set(key, client),
    seen(client) {
      client.lastSeen = performance.now();
    },
    say(author, payload) {
      const prefix = Buffer.from(relayPrefix(relay.nameOf(author).address));
      relay.spread(relay.recipients(author), Buffer.concat([prefix, payload]));
    },
    nameOf: (author) => author,
    recipients: (author) => [...clients.values()].filter((client) => client !== author),
    spread(recipients, message) {
      for (const client of recipients) relay.send(client, message);
    },
    send({ ip, port }, message) {
      // A pending error of another address makes the first call throw (Bun 1.4.5); the second is this one's.
      for (let attempt = 0; attempt < relay.attempts; attempt++)
        try {
          socket().send(message, port, ip);
          return;
        } catch {
          relay.refused(refusedDestinations(fdOf(socket())));
        }
    },
    refuse(author, bytes) {
      if (author.lastNotice >= 0 && performance.now() - author.lastNotice < relay.noticeEveryMs) return;
      author.lastNotice = performance.now();
      relay.send(author, Buffer.from(oversizeNotice(bytes)));
    },
    refused(addresses) {
      for (const address of addresses) clients.delete(address);
    },
    forget: (address) => void clients.delete(address),
  };
  return relay;
}

export const startRelayMutant = ({ fault, ...options }: RelayMutantOptions): Promise<Running> =>
  startChangedRelay(options, changeOf<Relay>(relayFaults, fault));

/** The plain relay with another decision or two. */
export async function startChangedRelay(
  options: Omit<RelayMutantOptions, "fault">,
  change: (right: Relay) => Partial<Relay>,
): Promise<Running> {
  const relay = changed(
    plainRelay(options.every, () => socket),
    change,
  );
  const socket: udp.Socket<"buffer"> = await Bun.udpSocket({
    hostname: options.host,
    port: options.port,
    socket: {
      data: (_socket, payload: Buffer, port, ip) => relay.receive(payload, ip, port),
      error: () => relay.refused(refusedDestinations(fdOf(socket))),
    },
  });
  growReceiveBuffer(fdOf(socket), 16 * 1024 * 1024);
  const tick = setInterval(relay.tick, 1000);
  const sweep = setInterval(() => {
    const limit = performance.now() - options.forgetAfterSeconds * 1000;
    for (const { address, lastSeen } of relay.members()) if (lastSeen < limit) relay.forget(address);
  }, options.forgetAfterSeconds * 250);
  return {
    url: urlOf("udp", options.host, socket.port),
    stop() {
      clearInterval(sweep);
      clearInterval(tick);
      socket.close();
    },
  };
}

export const relayMutant: ServerSpec = {
  summary: "UDP relay with one fault",
  protocol: () => "relay",
  port: () => RELAY_PORT,
  options: (program) =>
    addFaultOption(program, relayFaults)
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
