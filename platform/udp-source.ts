/**
 * The local address for a UDP client: the one that the kernel would send from to this peer. A socket that is bound
 * to every address (0.0.0.0, ::) takes datagrams from any host until it is connected, and Bun binds before it
 * connects (1.4.5).
 */
import { ptr } from "bun:ffi";
import { isIPv6 } from "node:net";
import { addressOf } from "./address.ts";
import { libc } from "./libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const INET_BYTES = 16;
const INET6_BYTES = 28;

/** Where to bind a UDP client, and the peer's address: Bun sends to addresses only, not to names. */
export async function udpPlace(hostname: string, port: number): Promise<{ local: string; peer: string }> {
  const [{ address: peer }] = await Bun.dns.lookup(hostname);
  return { local: udpSource(peer, port), peer };
}

/**
 * The source address towards an IP address: connecting a UDP socket sends nothing, but chooses the route
 * (connect(2), ip(7)). Without a C library a loopback peer is still recognised by its address.
 */
export function udpSource(ip: string, port: number): string {
  return routed(ip, port) ?? (isIPv6(ip) ? (ip === "::1" ? "::1" : "::") : fallback4(ip));
}

const fallback4 = (ip: string) => (ip.startsWith("127.") ? "127.0.0.1" : "0.0.0.0");

function routed(ip: string, port: number): string | undefined {
  const sockaddr = sockaddrOf(ip, port);
  if (!libc || !sockaddr) return undefined;
  const fd = libc.socket(sockaddr[0], SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const length = new Uint32Array([sockaddr.length]);
  const known =
    libc.connect(fd, ptr(sockaddr), sockaddr.length) === 0 &&
    libc.getsockname(fd, ptr(sockaddr), ptr(length)) === 0;
  libc.close(fd);
  return known ? addressOf(sockaddr)?.ip : undefined;
}

/** `struct sockaddr_in` or `sockaddr_in6`; none for a scoped address (`fe80::1%eth0`), which Bun understands by itself. */
export function sockaddrOf(ip: string, port: number): Uint8Array | undefined {
  const six = isIPv6(ip);
  const family = six ? AF_INET6 : AF_INET;
  const bytes = new Uint8Array(six ? INET6_BYTES : INET_BYTES);
  bytes.set([family, 0, port >> 8, port & 0xff]);
  const at = six ? 8 : 4;
  return libc?.inet_pton(family, ptr(Buffer.from(`${ip}\0`)), ptr(bytes, at)) === 1 ? bytes : undefined;
}
