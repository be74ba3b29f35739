/**
 * A bound on opening handshakes that Bun.serve does not give: `idleTimeout` begins with the first whole request,
 * and until then a connection may trickle its headers for 12 seconds (Bun 1.4.5, whatever the option says). Bun
 * exposes a connection only with its request, so those that have made none are found among this process's own file
 * descriptors and shut down (shutdown(2)), which Bun sees as a close.
 */
import { ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { addressOf } from "./address.ts";
import { libc } from "./libc.ts";
import { fileLimit } from "./proc.ts";

const SHUT_RDWR = 2;

export type Handshakes = {
  /** This peer, `ip:port`, has made a request. */
  done: (peer: string) => void;
  stop: () => void;
};

/** A descriptor as it was seen first; `key` tells whether it still is the same connection. */
type Seen = { key: number; peer: string | undefined; since: number; done: boolean };

/** Closes each connection to the local TCP port `port` that has made no request `seconds` after it was first seen. */
export function boundHandshakes(port: number, seconds: number): Handshakes {
  let seen = new Map<number, Seen>();
  const finished = new Set<string>();

  function sweep(): void {
    const now = performance.now();
    const open = new Map<number, Seen>();
    for (const fd of descriptors()) {
      if (!readName("getpeername", fd)) continue;
      const key = nameKey();
      let entry = seen.get(fd);
      // Names become text once a connection, not once a sweep: with thousands of clients that took 15 ms per second.
      if (entry?.key !== key) entry = { key, peer: peerIfOurs(fd), since: now, done: false };
      open.set(fd, entry);
      if (entry.done || entry.peer === undefined) continue;
      entry.done = finished.has(entry.peer);
      if (!entry.done && now - entry.since >= seconds * 1000) libc?.shutdown(fd, SHUT_RDWR);
    }
    seen = open;
    // A connection that has made a request was open at this sweep, or is gone.
    finished.clear();
  }

  function peerIfOurs(fd: number): string | undefined {
    const peer = addressOf(name);
    return readName("getsockname", fd) && addressOf(name)?.port === port ? peer?.text : undefined;
  }

  const timer = libc && setInterval(sweep, Math.min(1000, seconds * 100));
  return { done: (peer) => void (timer && finished.add(peer)), stop: () => clearInterval(timer) };
}

/** Read while there is still a descriptor to read it with. */
const OPEN_FILES = fileLimit()?.soft ?? 0;

/** This process's descriptors. A full file table leaves none to list them by, but then every number is taken. */
function descriptors(): Iterable<number> {
  try {
    return readdirSync("/proc/self/fd").map(Number);
  } catch {
    return Array.from({ length: OPEN_FILES }, (_, fd) => fd);
  }
}

const name = new Uint8Array(28); // struct sockaddr_in6, the larger of the two
const words = new Int32Array(name.buffer);

function readName(call: "getsockname" | "getpeername", fd: number): boolean {
  name.fill(0);
  // A length array of its own for each call: with one for all, the 28 stored before a call was seen by the kernel as
  // the 16 of the call before, once the code had been compiled (Bun 1.4.5), and IPv6 addresses were truncated.
  const length = new Uint32Array([name.length]);
  return libc !== undefined && libc[call](fd, ptr(name), ptr(length)) === 0;
}

/** Family, port and address in one number: two peers of one descriptor that share it do not occur in practice. */
function nameKey(): number {
  return words.reduce((key, word) => Math.imul(key ^ word, 0x01000193), 0x811c9dc5);
}
