/**
 * What a case may expect, each with a timeout. An expectation that is not met throws a Violation that says what was
 * expected and what was received instead, in words for the author of the server.
 */

import { type TcpPeer, type UdpPeer, until } from "./peer.ts";
import { Violation } from "./violation.ts";
import { show } from "./wire-log.ts";

/** How long silence is observed: a server that would send something does so much sooner. */
const QUIET_MS = 120;

const ends = { open: "", ours: "", fin: ", then FIN", reset: ", then a reset" } as const;

export function differenceOf(expected: Uint8Array, actual: Uint8Array): string {
  let at = 0;
  while (at < expected.length && at < actual.length && expected[at] === actual[at]) at++;
  if (at === actual.length) return `it ends after ${at} of ${expected.length} bytes`;
  const near = show(actual.subarray(Math.max(0, at - 20), at + 40), 60);
  if (at === expected.length) return `${actual.length - at} bytes too many, near ${near}`;
  const byte = (bytes: Uint8Array) => `0x${bytes[at].toString(16).padStart(2, "0")}`;
  return `byte ${at} is ${byte(actual)} instead of ${byte(expected)}, near ${near}`;
}

/** These bytes are received next, all of them in time; what follows is left for the next expectation. */
export async function exactly(
  peer: TcpPeer,
  expected: Uint8Array | string,
  timeout = peer.timeout,
): Promise<void> {
  const bytes = typeof expected === "string" ? Buffer.from(expected) : expected;
  let same = 0;
  // Each byte is compared once, however many reads they arrive in.
  const settled = () => {
    const unread = peer.unread();
    const to = Math.min(unread.length, bytes.length);
    if (unread.compare(bytes, same, to, same, to) !== 0) return true;
    same = to;
    return same === bytes.length || peer.ended !== "open";
  };
  await until(peer, timeout, settled);
  const unread = peer.unread();
  const actual = unread.subarray(0, bytes.length);
  if (actual.equals(bytes)) {
    peer.take(bytes.length);
    return;
  }
  const wish = `${peer.name} receives ${show(bytes)}`;
  if (unread.length === 0)
    throw new Violation(
      wish,
      peer.ended === "open"
        ? `received nothing within ${timeout} ms`
        : `received nothing before the ${peer.ended === "reset" ? "reset" : "FIN"}`,
    );
  throw new Violation(wish, `received ${show(unread)}${ends[peer.ended]}: ${differenceOf(bytes, actual)}`);
}

/**
 * Where these bytes are first found in what is unread, or -1: called repeatedly while more arrives, it searches only
 * the new bytes. Nothing may be taken meanwhile.
 */
export function firstOf(peer: Pick<TcpPeer, "unread">, wanted: Uint8Array | string): () => number {
  const bytes = Buffer.from(wanted as Uint8Array);
  let looked = 0;
  let found = -1;
  return () => {
    const unread = peer.unread();
    if (found < 0) found = unread.indexOf(bytes, Math.max(0, looked - bytes.length + 1));
    looked = unread.length;
    return found;
  };
}

/** Reads up to and including the next `\n`; returns the text before it. */
export async function nextLine(peer: TcpPeer, wish: string, timeout = peer.timeout): Promise<string> {
  const line = firstOf(peer, "\n");
  await until(peer, timeout, () => line() >= 0 || peer.ended !== "open");
  const end = line();
  if (end >= 0) return peer.take(end + 1).toString("utf8", 0, end);
  const rest = peer.unread();
  throw new Violation(
    `${peer.name} receives ${wish}`,
    rest.length > 0
      ? `received ${show(rest)}${ends[peer.ended]}, without a newline within ${timeout} ms`
      : peer.ended === "open"
        ? `received nothing within ${timeout} ms`
        : `the connection ended${ends[peer.ended]}`,
  );
}

/** None of these peers receives anything for a while, and nothing is unread. */
export async function nothing(
  peers: readonly (TcpPeer | UdpPeer)[],
  milliseconds = QUIET_MS,
  why = "nothing",
): Promise<void> {
  const unread = (peer: TcpPeer | UdpPeer) => (peer.kind === "tcp" ? peer.unread() : peer.datagrams[0]);
  await Promise.all(
    peers.map(async (peer) => {
      const came = () => (peer.kind === "udp" ? peer.datagrams.length > 0 : peer.unread().length > 0);
      if (!(await until(peer, milliseconds, came))) return;
      throw new Violation(
        `${peer.name} receives ${why} for ${milliseconds} ms`,
        `received ${show(unread(peer) ?? "")}`,
      );
    }),
  );
}

/** The connection is closed in time: with a FIN, or in any way. */
export async function closed(
  peer: TcpPeer,
  how: "fin" | "closed" = "closed",
  timeout = peer.timeout,
): Promise<void> {
  await until(peer, timeout, () => peer.ended !== "open");
  if (peer.ended === "open")
    throw new Violation(
      `the server closes ${peer.name}'s connection within ${timeout} ms`,
      "it is still open",
    );
  if (how === "fin" && peer.ended === "reset")
    throw new Violation(`the server closes ${peer.name}'s connection with a FIN`, "it was reset");
}

/** The next datagram is this one, complete. */
export async function datagram(
  peer: UdpPeer,
  expected: Uint8Array | string,
  timeout = peer.timeout,
): Promise<void> {
  const bytes = typeof expected === "string" ? Buffer.from(expected) : expected;
  const wish = `${peer.name} receives the datagram ${show(bytes)}`;
  const actual = await nextDatagram(peer, wish, timeout);
  if (actual.equals(bytes)) return;
  const size = actual.length === bytes.length ? "" : ` of ${actual.length} bytes instead of ${bytes.length}`;
  throw new Violation(wish, `received ${show(actual)}${size}: ${differenceOf(bytes, actual)}`);
}

export async function nextDatagram(peer: UdpPeer, wish: string, timeout = peer.timeout): Promise<Buffer> {
  await until(peer, timeout, () => peer.datagrams.length > 0);
  const next = peer.datagrams.shift();
  if (!next) throw new Violation(wish, `received nothing within ${timeout} ms`);
  return next;
}

/** A condition that a case has computed itself. */
export function holds(condition: boolean, expected: string, actual: string): asserts condition {
  if (!condition) throw new Violation(expected, actual);
}
