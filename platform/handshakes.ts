/**
 * A bound on opening handshakes that Bun.serve does not give: `idleTimeout` begins with the first whole request,
 * and until then a connection may send a byte of its headers now and then for 12 seconds (Bun 1.4.5, whatever the
 * option says). Bun hands out a connection with its request only, so the ones that have made none are found among
 * this process's own file descriptors and shut down (shutdown(2)), which Bun sees as their end.
 */
import { ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { addressOf } from "./address.ts";
import { libc } from "./libc.ts";

const SHUT_RDWR = 2;

type Connection = { since: number; done: boolean };

export type Handshakes = {
  /** A request of this peer has come. */ done: (peer: string) => void;
  stop: () => void;
};

/** Closes each connection to the local TCP port `port` that has made no request `seconds` after it was first seen. */
export function boundHandshakes(port: number, seconds: number): Handshakes {
  let connections = new Map<string, Connection>();

  function sweep(): void {
    const now = performance.now();
    const open = new Map<string, Connection>();
    for (const { fd, peer } of connectionsOf(port)) {
      const connection = connections.get(peer) ?? { since: now, done: false };
      open.set(peer, connection);
      if (!connection.done && now - connection.since >= seconds * 1000) libc?.shutdown(fd, SHUT_RDWR);
    }
    connections = open;
  }

  const timer = libc && setInterval(sweep, Math.min(1000, seconds * 100));
  return {
    done: (peer) => void connections.set(peer, { since: 0, done: true }),
    stop: () => clearInterval(timer),
  };
}

const name = new Uint8Array(28); // struct sockaddr_in6, the larger of the two
const nameLength = new Uint32Array(1);

function* connectionsOf(port: number): Generator<{ fd: number; peer: string }> {
  for (const text of readdirSync("/proc/self/fd")) {
    const fd = Number(text);
    if (!libc || readName(libc.getsockname, fd)?.port !== port) continue;
    const peer = readName(libc.getpeername, fd);
    if (peer) yield { fd, peer: peer.text };
  }
}

type NameCall = NonNullable<typeof libc>["getsockname"];

function readName(call: NameCall, fd: number): { text: string; port: number } | undefined {
  nameLength[0] = name.length;
  if (call(fd, ptr(name), ptr(nameLength)) !== 0) return undefined;
  return addressOf(name);
}
