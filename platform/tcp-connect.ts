/** A TCP connection whose MSS is set before its handshake: the only time at which it affects both ends (tcp(7)). */
import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";
import { setOption } from "./socket-options.ts";

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0x80000;

/** Connects over IPv4 and returns the descriptor, for `Bun.connect({ fd })`; undefined where it cannot be done. */
export function connectWithMss(ipv4: string, port: number, mss: number): number | undefined {
  const octets = ipv4.split(".").map(Number);
  if (!libc || octets.length !== 4) return undefined;
  const fd = libc.socket(AF_INET, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const address = new Uint8Array([AF_INET, 0, port >> 8, port & 0xff, ...octets, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (setOption(fd, "TCP_MAXSEG", mss) && libc.connect(fd, ptr(address), address.length) === 0) return fd;
  libc.close(fd);
  return undefined;
}
