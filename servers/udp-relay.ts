#!/usr/bin/env bun
/**
 * UDP relay: `bun servers/udp-relay.ts --port 8081`. A datagram's source is registered by its first one;
 * each datagram goes to every other registered address.
 *
 * What has been read waits by source, and a turn of the event loop relays some of it, source by source. So one who
 * floods the relay waits behind itself: what others send is read and relayed in between.
 *
 * Without an `error` handler an ICMP port unreachable ends the process (Bun 1.4.5); with one it tells that an
 * error is there and not whose, so the refused address is asked of the kernel.
 */
import type { udp } from "bun";
import { addressText } from "../platform/address.ts";
import { fdOf, growReceiveBuffer } from "../platform/socket-options.ts";
import { refusedDestinations } from "../platform/udp-errors.ts";
import {
  FORGET_AFTER_SECONDS,
  MAX_ADDRESSES,
  MAX_PAYLOAD_BYTES,
  MAX_WAITING,
  MAX_WAITING_EACH,
  oversizeNotice,
  RELAY_PORT,
  relayPrefix,
} from "../protocols/relay.ts";
import { createFairQueue } from "./fair-queue.ts";
import { type Running, type ServerSpec, seconds, standalone, urlOf } from "./standalone.ts";
import { type Addressee, addressee, createBatch } from "./udp-send.ts";

/** Room for about 20,000 small datagrams; the default holds 256 and loses the rest of any burst. */
const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024;
/** A turn relays until so many datagrams have gone out; they are sent at once. */
const SENDS_A_TURN = 1024;
/** Under a flood Bun 1.4.5 reads on and on; so many have then been read that a turn is due. */
const READS_A_TURN = 8192;

export type RelayOptions = {
  host: string;
  port: number;
  /** `truncate` relays the first 1,024 bytes and tells nobody, as the tutorial's server does. */
  oversize: "drop" | "truncate";
  forgetAfterSeconds: number;
};

type Client = Addressee & {
  /** Counts up from address to address. */
  id: number;
  address: string;
  prefix: Buffer;
  /** Milliseconds, for forgetting it and for telling it at most once a second of what was too long. */
  lastSeen: number;
  lastNotice: number;
};

/** What is relayed, and the last address that had been registered when it came: later ones do not get it. */
type Message = { bytes: Uint8Array; last: number };

export async function startRelay(options: RelayOptions): Promise<Running> {
  const clients = new Map<string, Client>();
  const counters = { oversize: 0, refused: 0, forgotten: 0, unregistered: 0 };
  const waiting = createFairQueue<Client, Message>(MAX_WAITING_EACH, MAX_WAITING);
  let lastId = 0;
  const batch = createBatch(() => socket, SENDS_A_TURN, forgetRefused);
  let scheduled = false;
  let read = 0;

  /** After the poll phase: datagrams that arrived together go out together, by few system calls. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      turn();
    });
  }

  function turn(): void {
    read = 0;
    for (let gathered = 0; gathered < SENDS_A_TURN; ) {
      const next = waiting.take();
      if (!next) break;
      const { source, item } = next;
      for (const client of clients.values()) {
        if (client.id > item.last) break;
        if (client === source) continue;
        batch.add(item.bytes, client);
        gathered++;
      }
    }
    batch.send();
    forgetRefused();
    if (waiting.size() > 0) schedule();
  }

  function forget(addresses: string[], why: "refused" | "forgotten"): void {
    for (const address of addresses) if (clients.delete(address)) counters[why]++;
  }

  function forgetRefused(): void {
    forget(refusedDestinations(fdOf(socket)), "refused");
  }

  function forgetSilent(): void {
    const limit = performance.now() - options.forgetAfterSeconds * 1000;
    forget(
      [...clients.values()].filter((client) => client.lastSeen < limit).map((client) => client.address),
      "forgotten",
    );
  }

  function register(ip: string, port: number): Client | undefined {
    const address = addressText(ip, port);
    const known = clients.get(address);
    if (known) return known;
    // The sweep makes room, not this datagram: a search through all at each would be a way to stop the relay.
    if (clients.size >= MAX_ADDRESSES) {
      counters.unregistered++;
      return undefined;
    }
    const prefix = Buffer.from(relayPrefix(address));
    const client = {
      ...addressee(ip, port),
      id: ++lastId,
      address,
      prefix,
      lastSeen: 0,
      lastNotice: Number.NEGATIVE_INFINITY,
    };
    clients.set(address, client);
    return client;
  }

  function receive(payload: Buffer, port: number, ip: string): void {
    const author = register(ip, port);
    if (!author) return;
    author.lastSeen = performance.now();
    if (payload.length === 0) return;
    if (payload.length > MAX_PAYLOAD_BYTES && options.oversize === "drop") refuse(author, payload.length);
    else relay(author, payload.subarray(0, MAX_PAYLOAD_BYTES));
    if (++read >= READS_A_TURN) turn();
    else schedule();
  }

  function relay(author: Client, payload: Uint8Array): void {
    waiting.add(author, () => ({ bytes: Buffer.concat([author.prefix, payload]), last: lastId }));
  }

  function refuse(author: Client, bytes: number): void {
    counters.oversize++;
    if (author.lastSeen - author.lastNotice < 1000) return;
    author.lastNotice = author.lastSeen;
    batch.add(Buffer.from(oversizeNotice(bytes)), author);
  }

  const socket: udp.Socket<"buffer"> = await Bun.udpSocket({
    hostname: options.host,
    port: options.port,
    socket: {
      data: (_socket, payload, port, ip) => receive(payload, port, ip),
      error: forgetRefused,
    },
  });
  growReceiveBuffer(fdOf(socket), RECEIVE_BUFFER_BYTES);
  const sweep = setInterval(forgetSilent, Math.min(options.forgetAfterSeconds * 250, 10_000));

  return {
    url: urlOf("udp", options.host, socket.port),
    stop: () => {
      clearInterval(sweep);
      socket.close();
    },
    counters: () => ({
      "datagrams over 1024 bytes": counters.oversize,
      "datagrams dropped, too many were waiting": waiting.dropped(),
      "addresses forgotten as silent": counters.forgotten,
      "addresses forgotten as unreachable": counters.refused,
      "datagrams of addresses past the limit": counters.unregistered,
      "datagrams the system did not take": batch.unsent(),
    }),
  };
}

export const relayServer: ServerSpec = {
  summary: "UDP relay: each datagram goes to every other address that has sent one",
  protocol: () => "relay",
  port: () => RELAY_PORT,
  options: (program) =>
    program
      .addOption(
        program
          .createOption("--oversize <what>", "a datagram over 1,024 bytes is dropped, or truncated silently")
          .choices(["drop", "truncate"])
          .default("drop"),
      )
      .option("--forget-after <seconds>", "forget an address that is silent", seconds, FORGET_AFTER_SECONDS),
  start: ({ host, port, oversize, forgetAfter }) =>
    startRelay({
      host,
      port,
      oversize: oversize as RelayOptions["oversize"],
      forgetAfterSeconds: Number(forgetAfter),
    }),
};

export default relayServer;
if (import.meta.main) await standalone(relayServer);
