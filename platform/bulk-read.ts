/**
 * Reads what has come on many TCP sockets straight into one buffer (recv(2)), for whoever has much to read.
 *
 * For each read Bun 1.4.5 makes a buffer and copies into it; where a read brings 80 KiB, those copies, their pages and
 * the collector took a quarter of a fleet's CPU time. So once Bun has told of one socket, all others that have something
 * are read here. Bun goes on watching them: its own read finds nothing then, and it alone tells of ends and errors.
 */
import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";

const EPOLL_CTL_ADD = 1;
const EPOLLIN = 0x1;
/** With it, or an error, the socket is left to Bun: what may end it must not be taken here. */
const EPOLLRDHUP = 0x2000;
const MSG_DONTWAIT = 0x40;
/** struct epoll_event: packed on x86-64 and nowhere else (epoll_ctl(2), linux/eventpoll.h). */
const EVENT = process.arch === "x64" ? { bytes: 12, data: 4 } : { bytes: 16, data: 8 };
/** Sockets read at once: then the event loop has its turn. */
const MOST_SOCKETS = 512;
/** As much as one read of Bun's brings at most. */
const MOST_BYTES = 524_288;

export type BulkRead = {
  /** Reads each socket once that has something now; none may be closed while it does. */
  sweep: () => void;
  close: () => void;
};

/**
 * @param fds of connected TCP sockets, by the index under which they are told
 * @param placeFor where in `buffer` the next bytes of one are wanted
 * @param onBytes so many bytes have come there
 */
export function createBulkRead(
  fds: readonly (number | undefined)[],
  buffer: Uint8Array,
  placeFor: (index: number) => number,
  onBytes: (index: number, bytes: number) => void,
): BulkRead | undefined {
  if (!libc || fds.every((fd) => fd === undefined)) return undefined;
  const { recv, epoll_create1, epoll_ctl, epoll_wait, close } = libc;
  const poll = epoll_create1(0);
  if (poll < 0) return undefined;
  const events = new Uint8Array(EVENT.bytes * MOST_SOCKETS);
  const view = new DataView(events.buffer);
  const [bufferAt, eventsAt] = [ptr(buffer), ptr(events)];
  fds.forEach((fd, index) => {
    if (fd === undefined) return;
    view.setUint32(0, EPOLLIN | EPOLLRDHUP, true);
    view.setUint32(EVENT.data, index, true);
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, eventsAt);
  });
  let sweeping = false;

  /** The kernel forgets a socket that is closed, so that its descriptor can be another's by now without harm. */
  function sweep(): void {
    if (sweeping) return;
    sweeping = true;
    const ready = epoll_wait(poll, eventsAt, MOST_SOCKETS, 0);
    for (let at = 0; at < ready * EVENT.bytes; at += EVENT.bytes) {
      if (view.getUint32(at, true) !== EPOLLIN) continue;
      const index = view.getUint32(at + EVENT.data, true);
      const place = placeFor(index);
      const room = Math.min(MOST_BYTES, buffer.length - place);
      const bytes = Number(recv(fds[index] ?? -1, (bufferAt + place) as typeof bufferAt, room, MSG_DONTWAIT));
      if (bytes > 0) onBytes(index, bytes);
    }
    sweeping = false;
  }

  return {
    sweep,
    close() {
      // The number of a descriptor that is closed is soon another's.
      sweeping = true;
      close(poll);
    },
  };
}
