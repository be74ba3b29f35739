/**
 * A client that sends requests and never reads the replies: they are queued in the server. A server that bounds its
 * queue stops reading after a while, or closes the connection, or discards requests; one that does not delivers, once
 * it is read, more than all kernel buffers on the way can have held.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { sysctl } from "../platform/proc.ts";
import { type TcpPeer, until } from "./peer.ts";
import { Violation } from "./violation.ts";

/** No server should queue this much for one client, beyond the kernel buffers. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** When nothing was taken, or received, for so long, it has stopped. */
const STOPPED_MS = 1000;
/** The largest socket buffer, where the kernel's limit cannot be read. */
const BUFFER_BYTES = 8 * 1024 * 1024;

/** Most bytes in kernel buffers: each side has one for either direction (tcp(7)). */
function kernelBytes(): number {
  const most = (name: string) => Number(sysctl(`net/ipv4/${name}`)?.split(/\s+/).pop() ?? BUFFER_BYTES);
  return 2 * (most("tcp_rmem") + most("tcp_wmem"));
}

/** Sends this block, answered with as many bytes, repeatedly without reading; then reads everything. */
export async function keepsLittle(peer: TcpPeer, block: Uint8Array): Promise<void> {
  const inKernels = kernelBytes();
  peer.stopReading();
  peer.ignore();
  if (!(await takes(peer, block, inKernels + MAX_KEPT_BYTES))) return;
  peer.read();
  const tooMuch = inKernels + MAX_KEPT_BYTES / 2;
  for (let before = -1; peer.received() > before && peer.received() <= tooMuch; ) {
    before = peer.received();
    await until(peer, STOPPED_MS, () => peer.received() > before || peer.ended !== "open");
  }
  if (peer.received() > tooMuch)
    throw new Violation(
      `at most ${megabytes(MAX_KEPT_BYTES / 2)} queued for a client that does not read`,
      `everything was queued: ${megabytes(peer.received())} of replies arrived once they were read`,
    );
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1_048_576)} MiB`;

/** Whether the server takes so many bytes while nothing is read from it. */
async function takes(peer: TcpPeer, block: Uint8Array, bytes: number): Promise<boolean> {
  while (peer.ended === "open" && peer.taken() <= bytes) {
    const before = peer.taken();
    peer.send(block);
    // A closed connection takes nothing and queues nothing: its end is an event of its own.
    const moved = () => (peer.allSent() && peer.taken() > before) || peer.ended !== "open";
    if (!(await until(peer, STOPPED_MS, moved)) && peer.taken() === before) return false;
    await nextTurn();
  }
  return peer.ended === "open";
}
