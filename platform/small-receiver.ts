/**
 * A UDP receiver with a small buffer, by recv(2): the kernel truncates what does not fit. Bun's own receive
 * slots are 64 KiB (1.4.5), so with Bun alone truncation is never observed.
 */
import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2 | 0x80000;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

export type SmallReceiver = {
  port: number;
  /** Sends an empty datagram there, and from then on receives only from there (connect(2)). */
  greet: (ipv4: string, port: number) => boolean;
  /** The datagram at the head: bytes kept, and its true length as MSG_TRUNC reports it; undefined if there is none. */
  receive: () => { kept: Uint8Array; length: number } | undefined;
  close: () => void;
};

/** Binds to a free port of 127.0.0.1; undefined where there is no C library to ask. */
export function openSmallReceiver(bufferBytes: number): SmallReceiver | undefined {
  if (!libc) return undefined;
  const { socket, bind, connect, getsockname, recv, send, close } = libc;
  const fd = socket(AF_INET, SOCK_DGRAM, 0);
  const address = new Uint8Array([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const length = new Uint32Array([address.length]);
  if (
    fd < 0 ||
    bind(fd, ptr(address), address.length) !== 0 ||
    getsockname(fd, ptr(address), ptr(length)) !== 0
  )
    return undefined;
  const buffer = new Uint8Array(bufferBytes);
  return {
    port: (address[2] << 8) | address[3],
    greet(ipv4, port) {
      const there = new Uint8Array(16);
      there.set([AF_INET, 0, port >> 8, port & 0xff, ...ipv4.split(".").map(Number)]);
      return connect(fd, ptr(there), there.length) === 0 && Number(send(fd, ptr(there), 0n, 0)) === 0;
    },
    receive() {
      // With MSG_TRUNC the call returns the datagram's true length, not what fitted (recv(2)).
      const size = Number(recv(fd, ptr(buffer), BigInt(bufferBytes), MSG_TRUNC | MSG_DONTWAIT));
      return size < 0 ? undefined : { kept: buffer.slice(0, Math.min(size, bufferBytes)), length: size };
    },
    close: () => void close(fd),
  };
}
