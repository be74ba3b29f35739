/**
 * A listening socket that does not busy-loop when the file table is full. accept(2) fails then, but the pending
 * connection keeps the socket readable, and epoll reports it again and again: Bun 1.4.5 uses a whole core
 * (oven-sh/bun#32705). Edge-triggered (epoll(7)) each connection is reported once, which loses nothing, since Bun
 * accepts until accept(2) fails. Connections for which there was no descriptor are retried a few times per second.
 *
 * Bun does not hand out its epoll instance; the kernel tells which one has the socket, and with what data
 * (proc_pid_fdinfo(5)). It is looked up while there still is a descriptor to look with.
 */
import { ptr } from "bun:ffi";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { libc } from "./libc.ts";
import { getOption } from "./socket-options.ts";

const EPOLL_CTL_MOD = 3;
const EPOLLIN = 0x1;
const EPOLLET = 0x80000000;
/** How long a connection may wait to be accepted after a descriptor has become free. */
const ASK_AGAIN_MS = 250;

/** A socket in an epoll instance: `data` is what epoll hands back with its events. */
type Watched = { epoll: number; fd: number; data: bigint };

/**
 * Calls `listen` and makes the sockets that it opens (`fds`) edge-triggered. Call `stop` before the listener is closed.
 * Where there is no /proc or no C library, the listener is as Bun makes it.
 */
export function listenOnEdge<L>(listen: () => L): { listener: L; fds: number[]; stop: () => void } {
  const before = new Set(listeners().map(({ fd }) => fd));
  const listener = listen();
  const ours = listeners().filter(({ fd }) => !before.has(fd));
  const ask = () => ours.forEach(watchEdge);
  ask();
  const timer = setInterval(ask, ASK_AGAIN_MS);
  timer.unref();
  return { listener, fds: ours.map(({ fd }) => fd), stop: () => clearInterval(timer) };
}

/** The listening sockets in this process's epoll instances. */
function listeners(): Watched[] {
  try {
    return readdirSync("/proc/self/fd").map(Number).flatMap(watchedBy).filter(isListening);
  } catch {
    return []; // no /proc
  }
}

const isListening = ({ fd }: Watched): boolean => getOption(fd, "SO_ACCEPTCONN") === 1;

/** What the epoll instance `epoll` watches; empty where the descriptor is not one. */
function watchedBy(epoll: number): Watched[] {
  try {
    if (readlinkSync(`/proc/self/fd/${epoll}`) !== "anon_inode:[eventpoll]") return [];
    const rows = readFileSync(`/proc/self/fdinfo/${epoll}`, "utf8").matchAll(
      /^tfd: *(\d+) events: *[0-9a-f]+ data: *([0-9a-f]+)/gm,
    );
    return Array.from(rows, ([, fd, data]) => ({ epoll, fd: Number(fd), data: BigInt(`0x${data}`) }));
  } catch {
    return []; // closed since it was listed, as the listing's own
  }
}

/** Setting it again also reports connections that are already pending. */
function watchEdge(watched: Watched): void {
  // A descriptor number that was reused must not get this socket's data.
  if (libc && isListening(watched))
    libc.epoll_ctl(watched.epoll, EPOLL_CTL_MOD, watched.fd, ptr(event(watched.data)));
}

/** struct epoll_event: packed on x86-64 and nowhere else (epoll_ctl(2), linux/eventpoll.h). */
function event(data: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, EPOLLIN | EPOLLET, true);
  view.setBigUint64(process.arch === "x64" ? 4 : 8, data, true);
  return new Uint8Array(view.buffer);
}
