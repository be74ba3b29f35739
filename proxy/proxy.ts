/**
 * A way between clients and a server that is worse than loopback: latency with jitter, a narrow bandwidth, small slices,
 * stalls, resets; for datagrams loss, duplicates and reordering. What it decides by chance follows from its seed.
 */
import type { Endpoint } from "../clients/endpoint.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { seededRandom } from "../platform/random.ts";
import { openDatagramWay } from "./datagrams.ts";
import { type Impairments, none } from "./impairments.ts";
import { openStreamWay } from "./stream.ts";

export type ProxyOptions = {
  host?: string;
  /** 0 for any free one. */
  port?: number;
  target: Endpoint;
  /** Towards the target, and back from it. */
  up?: Partial<Impairments>;
  down?: Partial<Impairments>;
  seed?: number;
};

/** What has passed and what has not. */
export type ProxyCounters = {
  connections: number;
  /** Bytes that went on, in either direction. */
  up: number;
  down: number;
  /** Connections that were reset, by a side or as asked. */
  resets: number;
  /** Attempts to reach the target that failed, and datagrams that it refused. */
  unreachable: number;
  lost: number;
  duplicated: number;
  reordered: number;
  /** Datagrams that a full queue or table did not take. */
  dropped: number;
};

export type WayOptions = {
  host: string;
  port: number;
  target: Endpoint;
  up: Impairments;
  down: Impairments;
  random: () => number;
  counters: ProxyCounters;
};

export type Way = { port: number; stop: () => void };

export type Proxy = { url: string; counters: ProxyCounters; stop: () => void };

/** Listens, and gives the address that clients are to use instead of the target's. */
export async function startProxy({
  host = "127.0.0.1",
  port = 0,
  target,
  up,
  down,
  seed = 1,
}: ProxyOptions): Promise<Proxy> {
  const counters: ProxyCounters = {
    connections: 0,
    up: 0,
    down: 0,
    resets: 0,
    unreachable: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    dropped: 0,
  };
  const open = target.transport === "udp" ? openDatagramWay : openStreamWay;
  // TLS passes as it is: the proxy has no key, and the client checks the server's certificate.
  const plain = { ...target, tls: false };
  let way: Way;
  try {
    way = await open({
      host,
      port,
      target: plain,
      up: { ...none, ...up },
      down: { ...none, ...down },
      random: seededRandom(seed),
      counters,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(exitCodes.unreachable, `the proxy cannot listen on ${host} port ${port}: ${why}`);
  }
  return { url: proxied(target, host, way.port), counters, stop: way.stop };
}

/** The target's address with another place in it: scheme and path stay. */
function proxied(target: Endpoint, host: string, port: number): string {
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (target.unix !== undefined) return `tcp://${place}`;
  const scheme = target.url.slice(0, target.url.indexOf("://"));
  return `${scheme}://${place}${target.transport === "ws" ? target.path : ""}`;
}
