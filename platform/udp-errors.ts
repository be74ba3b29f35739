/**
 * Which address refused a datagram. An ICMP port unreachable makes the *next* call on an unconnected UDP socket fail,
 * whatever its destination. Bun sets IP_RECVERR, so the kernel also queues the refused destination
 * (ip(7)); Bun 1.4.5 does not expose it, so it is read here, by recvmsg(2) with MSG_ERRQUEUE.
 */
import { ptr } from "bun:ffi";
import { addressOf } from "./address.ts";
import { libc } from "./libc.ts";
import { pendingError } from "./socket-options.ts";

const MSG_ERRQUEUE = 0x2000;
const MSG_DONTWAIT = 0x40;

const name = new Uint8Array(28); // struct sockaddr_in6, the larger of the two
const control = new Uint8Array(512);
const payload = new Uint8Array(64);
const vector = new BigUint64Array([BigInt(ptr(payload)), BigInt(payload.length)]);
// struct msghdr on 64-bit Linux: name, namelen, iov, iovlen, control, controllen, flags.
const header = new BigUint64Array(7);

/** `ip:port` of each destination that has refused a datagram since the last call. Clears the pending error. */
export function refusedDestinations(fd: number | undefined): string[] {
  if (!libc || fd === undefined || pendingError(fd) === 0) return [];
  const refused: string[] = [];
  for (;;) {
    header.set([BigInt(ptr(name)), 28n, BigInt(ptr(vector)), 1n, BigInt(ptr(control)), 512n, 0n]);
    if (Number(libc.recvmsg(fd, ptr(header), MSG_ERRQUEUE | MSG_DONTWAIT)) < 0) return refused;
    const address = addressOf(name);
    if (address) refused.push(address.text);
  }
}
