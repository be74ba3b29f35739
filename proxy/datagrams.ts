/** The way of datagrams: a socket towards the target for each address that sends, forgotten when it falls silent. */
import type { udp } from "bun";
import { fdOf, growReceiveBuffer } from "../platform/socket-options.ts";
import { udpPlace } from "../platform/udp-source.ts";
import { closeIdle } from "../servers/idle.ts";
import { copiesOf, createSchedule, type Impairments } from "./impairments.ts";
import { createLane } from "./lane.ts";
import type { Way, WayOptions } from "./proxy.ts";

const SILENT_SECONDS = 60;
const MOST_CLIENTS = 5000;
/** Of either direction: what comes while so many wait is dropped, as at any full queue. */
const MOST_WAITING = 10_000;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

type Client = { socket: udp.ConnectedSocket<"buffer"> | undefined; last: number; early: Buffer[] };
/** While the socket of a new client is made. */
const MOST_EARLY = 64;

export async function openDatagramWay(options: WayOptions): Promise<Way> {
  const { host, port, target, up, down, counters } = options;
  const begun = performance.now();
  const clients = new Map<string, Client>();
  const { local, peer } = await udpPlace(target.hostname, target.port);
  const passUp = createPassage(up, options, begun);
  const passDown = createPassage(down, options, begun);

  const forward = (client: Client, bytes: Buffer) =>
    passUp(bytes, () => {
      if (client.socket && trySend(() => client.socket?.send(bytes))) counters.up += bytes.length;
    });
  const admit = (key: string, clientPort: number, address: string): Client | undefined => {
    if (clients.size >= MOST_CLIENTS) return undefined;
    const client: Client = { socket: undefined, last: performance.now(), early: [] };
    clients.set(key, client);
    counters.connections++;
    Bun.udpSocket({
      hostname: local,
      connect: { hostname: peer, port: target.port },
      socket: {
        data: (_, bytes: Buffer) =>
          passDown(bytes, () => {
            if (trySend(() => listener.send(bytes, clientPort, address))) counters.down += bytes.length;
          }),
        // Without a handler a refused datagram would end the process (Bun 1.4.5).
        error: () => void counters.unreachable++,
      },
    }).then(
      (socket) => {
        if (clients.get(key) !== client) return socket.close();
        growReceiveBuffer(fdOf(socket), RECEIVE_BUFFER_BYTES);
        client.socket = socket;
        for (const bytes of client.early.splice(0)) forward(client, bytes);
      },
      () => void clients.delete(key),
    );
    return client;
  };
  const listener = await Bun.udpSocket({
    hostname: host,
    port,
    socket: {
      data(_, bytes: Buffer, clientPort, address) {
        const key = `${address} ${clientPort}`;
        const client = clients.get(key) ?? admit(key, clientPort, address);
        if (!client) return void counters.dropped++;
        client.last = performance.now();
        // In the order of their last word, so that the silent ones stand first.
        clients.delete(key);
        clients.set(key, client);
        if (client.socket) forward(client, bytes);
        else if (client.early.length < MOST_EARLY) client.early.push(bytes);
        else counters.dropped++;
      },
      error() {},
    },
  });
  growReceiveBuffer(fdOf(listener), RECEIVE_BUFFER_BYTES);
  const forget = ([key, { socket }]: [string, Client]) => {
    clients.delete(key);
    socket?.close();
  };
  const stopForgetting = closeIdle(clients, ([, { last }]) => last, SILENT_SECONDS, forget);
  return {
    port: listener.port,
    stop() {
      stopForgetting();
      for (const entry of [...clients]) forget(entry);
      passUp.close();
      passDown.close();
      listener.close();
    },
  };
}

/** Takes each datagram by the impairments of one direction; without any, at once. */
function createPassage(way: Impairments, { random, counters }: WayOptions, begun: number) {
  const schedule = createSchedule(way, random, begun, false);
  const lane = createLane();
  const pass = (bytes: Buffer, go: () => void): void => {
    const copies = copiesOf(way, random);
    if (copies.length === 0) counters.lost++;
    if (copies.length > 1) counters.duplicated++;
    if (copies[0] > 0) counters.reordered++;
    for (const more of copies) {
      const now = performance.now();
      const due = schedule(now, bytes.length) + more;
      if (due <= now && lane.length === 0) go();
      else if (lane.length < MOST_WAITING) lane.push(due, go);
      else counters.dropped++;
    }
  };
  return Object.assign(pass, { close: () => lane.close() });
}

/** The error of an earlier datagram is thrown at the next one, which then has not been sent (Bun 1.4.5). */
function trySend(send: () => unknown): boolean {
  for (let attempt = 0; attempt < 2; attempt++)
    try {
      send();
      return true;
    } catch {}
  return false;
}
