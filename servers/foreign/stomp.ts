#!/usr/bin/env bun
/**
 * A small STOMP 1.2 broker: `bun servers/foreign/stomp.ts --port 61613`. Destinations are topics: a message goes to all
 * who have subscribed, the sender too. No transactions, no acknowledgements, no heartbeats of its own.
 */
import type { Socket } from "bun";
import { createOutbox, flush, type Outbox, send } from "../../platform/outbox.ts";
import {
  frameEnd,
  MAX_FRAME_BYTES,
  readFrame,
  type StompFrame,
  writeFrame,
} from "../../protocols/foreign/stomp-frames.ts";
import { type Listener, listenTcp } from "../listen.ts";
import { listeningUrl, type Running, type ServerSpec, standalone, type Where } from "../standalone.ts";

/** A subscriber that lets more wait is cut off, and is counted. */
const QUEUE_BYTES = 1_048_576;
/** Destinations that one connection may have. */
const MAX_SUBSCRIPTIONS = 1000;

type Client = {
  socket: Socket<Client>;
  outbox: Outbox;
  carry: Buffer;
  /** Ids of its subscriptions by destination. */
  subscriptions: Map<string, string>;
  /** Of this turn: one write for all of it. */
  waiting: Buffer[];
  over: boolean;
};

type Broker = {
  /** Subscribers by destination. */
  topics: Map<string, Set<Client>>;
  /** Who has something waiting. */
  writing: Set<Client>;
  messages: number;
  evicted: number;
  linger: (socket: Socket<Client>) => void;
};

function say(broker: Broker, client: Client, bytes: Buffer): void {
  client.waiting.push(bytes);
  if (broker.writing.size === 0) setImmediate(() => writeAll(broker));
  broker.writing.add(client);
}

function writeAll(broker: Broker): void {
  const clients = [...broker.writing];
  broker.writing.clear();
  for (const client of clients) {
    if (!send(client.outbox, client.socket, Buffer.concat(client.waiting.splice(0)))) {
      if (!client.over) broker.evicted++;
      forget(broker, client);
      client.socket.terminate();
    } else if (client.over) finish(broker, client);
  }
}

/** Closes it once what it has been told is on its way. */
function finish(broker: Broker, client: Client): void {
  forget(broker, client);
  client.over = true;
  if (client.outbox.waiting > 0 || client.waiting.length > 0) return;
  client.socket.shutdown();
  broker.linger(client.socket);
}

function forget({ topics }: Broker, client: Client): void {
  for (const destination of client.subscriptions.keys()) {
    const members = topics.get(destination);
    members?.delete(client);
    if (members?.size === 0) topics.delete(destination);
  }
  client.subscriptions.clear();
}

function refuse(broker: Broker, client: Client, message: string): void {
  say(broker, client, writeFrame("ERROR", { message }));
  client.over = true;
}

type Take = (broker: Broker, client: Client, frame: StompFrame) => void;

const connect: Take = (broker, client) =>
  say(broker, client, writeFrame("CONNECTED", { version: "1.2", "heart-beat": "0,0" }));

const commands: Record<string, Take> = {
  CONNECT: connect,
  STOMP: connect,
  SUBSCRIBE(broker, client, { headers: { destination, id } }) {
    if (destination === undefined || id === undefined)
      return refuse(broker, client, "SUBSCRIBE needs destination and id");
    if (client.subscriptions.size >= MAX_SUBSCRIPTIONS)
      return refuse(broker, client, "too many subscriptions");
    client.subscriptions.set(destination, id);
    broker.topics.set(destination, (broker.topics.get(destination) ?? new Set()).add(client));
  },
  UNSUBSCRIBE(broker, client, { headers: { id } }) {
    for (const [destination, own] of client.subscriptions) {
      if (own !== id) continue;
      client.subscriptions.delete(destination);
      broker.topics.get(destination)?.delete(client);
    }
  },
  SEND(broker, client, { headers: { destination }, body }) {
    if (destination === undefined) return refuse(broker, client, "SEND needs destination");
    broker.messages++;
    for (const member of broker.topics.get(destination) ?? [])
      say(
        broker,
        member,
        writeFrame(
          "MESSAGE",
          {
            subscription: member.subscriptions.get(destination) ?? "",
            "message-id": broker.messages,
            destination,
            "content-length": body.length,
          },
          body,
        ),
      );
  },
  DISCONNECT(_, client) {
    client.over = true;
  },
};

function take(broker: Broker, client: Client, bytes: Buffer): void {
  const frame = readFrame(bytes);
  const command = commands[frame.command];
  if (!command) {
    refuse(broker, client, `unknown command ${frame.command.slice(0, 32)}`);
    return;
  }
  command(broker, client, frame);
  const { receipt } = frame.headers;
  if (receipt !== undefined && (!client.over || frame.command === "DISCONNECT"))
    say(broker, client, writeFrame("RECEIPT", { "receipt-id": receipt }));
  if (client.over && client.waiting.length === 0) finish(broker, client);
}

function receive(broker: Broker, client: Client, chunk: Buffer): void {
  let bytes = client.carry.length > 0 ? Buffer.concat([client.carry, chunk]) : chunk;
  try {
    while (!client.over && bytes.length > 0) {
      const end = frameEnd(bytes);
      if (end === undefined || end > bytes.length) break;
      // A line end between frames is a heartbeat.
      if (end > 2) take(broker, client, bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
    if (bytes.length > MAX_FRAME_BYTES) throw new Error(`a frame of more than ${MAX_FRAME_BYTES} bytes`);
  } catch (error) {
    refuse(broker, client, (error as Error).message);
  }
  client.carry = client.over ? Buffer.alloc(0) : Buffer.from(bytes);
}

export function startStomp(options: Where): Running {
  const broker: Broker = {
    topics: new Map(),
    writing: new Set(),
    messages: 0,
    evicted: 0,
    linger: (socket) => listener.linger(socket),
  };
  const listener: Listener<Client> = listenTcp<Client>(options, {
    open(socket) {
      socket.data = {
        socket,
        outbox: createOutbox(QUEUE_BYTES),
        carry: Buffer.alloc(0),
        subscriptions: new Map(),
        waiting: [],
        over: false,
      };
    },
    data: (client, chunk) => receive(broker, client, chunk),
    drain(client) {
      flush(client.outbox, client.socket);
      if (client.over) finish(broker, client);
    },
    end: (client) => finish(broker, client),
    close: (client) => forget(broker, client),
  });
  return {
    url: listeningUrl("tcp", options, listener.port),
    stop: listener.stop,
    counters: () => ({ "slow readers evicted": broker.evicted }),
  };
}

export const stompServer: ServerSpec = {
  summary: "a small STOMP 1.2 broker: a topic is a room",
  protocol: () => "stomp",
  port: () => 61_613,
  streams: true,
  start: startStomp,
};

export default stompServer;
if (import.meta.main) await standalone(stompServer);
