/**
 * A peer that asks and never reads the answers: what the server takes from it waits in the server. A server that
 * bounds it takes no more after a while, or ends the connection, or throws away what comes; one that does not hands
 * over, once it is read, more than all kernels on the way can have held.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { sysctl } from "../platform/proc.ts";
import { type TcpPeer, until } from "./peer.ts";
import { Violation } from "./violation.ts";

/** So much more than the kernels hold no server is to keep for one peer. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** When nothing was taken for so long, or nothing came, nothing more is. */
const STOPPED_MS = 1000;
/** What Linux gives a socket at most, where it cannot be read. */
const BUFFER_BYTES = 8 * 1024 * 1024;

/** Maximum bytes that wait in the kernels: each side has a buffer for either direction (tcp(7)). */
function kernelBytes(): number {
  const most = (name: string) => Number(sysctl(`net/ipv4/${name}`)?.split(/\s+/).pop() ?? BUFFER_BYTES);
  return 2 * (most("tcp_rmem") + most("tcp_wmem"));
}

/** Sends this block, which is answered by as many bytes, again and again and reads nothing; then all is read. */
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
      `at most ${megabytes(MAX_KEPT_BYTES / 2)} kept for a peer that does not read`,
      `all was taken and kept: ${megabytes(peer.received())} of answers came when they were read at last`,
    );
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1_048_576)} MiB`;

/** Whether the server takes so many bytes of it while it is not read. */
async function takes(peer: TcpPeer, block: Uint8Array, bytes: number): Promise<boolean> {
  while (peer.ended === "open" && peer.taken() <= bytes) {
    const before = peer.taken();
    peer.send(block);
    // A closed connection takes nothing and keeps nothing back: that it has closed is told by an event of its own.
    const moved = () => (peer.allSent() && peer.taken() > before) || peer.ended !== "open";
    if (!(await until(peer, STOPPED_MS, moved)) && peer.taken() === before) return false;
    await nextTurn();
  }
  return peer.ended === "open";
}
