/**
 * Socket options and TCP_INFO by file descriptor. Bun 1.4.5 has `fd` on its sockets and listeners at run
 * time, untyped, and no call for options. Numbers are those of Linux's headers (socket.h, linux/tcp.h).
 */
import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";

const SOL_SOCKET = 1;
const IPPROTO_TCP = 6;

/** The options that results depend on, by the names that socket(7) and tcp(7) give them. */
const OPTIONS = {
  SO_ERROR: [SOL_SOCKET, 4],
  SO_SNDBUF: [SOL_SOCKET, 7],
  SO_RCVBUF: [SOL_SOCKET, 8],
  SO_ACCEPTCONN: [SOL_SOCKET, 30],
  SO_RCVBUFFORCE: [SOL_SOCKET, 33],
  TCP_NODELAY: [IPPROTO_TCP, 1],
  TCP_MAXSEG: [IPPROTO_TCP, 2],
} as const;
const TCP_INFO = 11;

export type SocketOption = keyof typeof OPTIONS;

/** The file descriptor that Bun's sockets have at run time, or undefined. */
export function fdOf(socket: object): number | undefined {
  const fd: unknown = "fd" in socket ? socket.fd : undefined;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}

export function getOption(fd: number | undefined, option: SocketOption): number | undefined {
  if (!libc || fd === undefined) return undefined;
  const value = new Int32Array(1);
  const length = new Uint32Array([4]);
  const [level, name] = OPTIONS[option];
  return libc.getsockopt(fd, level, name, ptr(value), ptr(length)) === 0 ? value[0] : undefined;
}

/** Takes the socket's pending error (SO_ERROR, socket(7)): its errno, 0 for none. */
export function pendingError(fd: number | undefined): number {
  return getOption(fd, "SO_ERROR") ?? 0;
}

/** Sets an option and returns whether the kernel accepted it; read it back when a result depends on it. */
export function setOption(fd: number | undefined, option: SocketOption, value: number): boolean {
  if (!libc || fd === undefined) return false;
  const [level, name] = OPTIONS[option];
  return libc.setsockopt(fd, level, name, ptr(new Int32Array([value])), 4) === 0;
}

/** Asks for a receive buffer, past net.core.rmem_max where the process may (socket(7)); returns what it got. */
export function growReceiveBuffer(fd: number | undefined, bytes: number): number | undefined {
  if (!setOption(fd, "SO_RCVBUFFORCE", bytes)) setOption(fd, "SO_RCVBUF", bytes);
  return getOption(fd, "SO_RCVBUF");
}

/** What TCP_INFO counts for one connection since it opened. Times in microseconds, sizes in bytes. */
export type TcpInfo = {
  sendMss: number;
  rttMicroseconds: number;
  retransmits: number;
  dataSegmentsOut: number;
  dataSegmentsIn: number;
};

export function tcpInfo(fd: number | undefined): TcpInfo | undefined {
  if (!libc || fd === undefined) return undefined;
  const info = new DataView(new ArrayBuffer(256));
  const length = new Uint32Array([256]);
  if (libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, ptr(info), ptr(length)) !== 0) return undefined;
  const field = (offset: number) => info.getUint32(offset, true);
  // Offsets in struct tcp_info; the segment counters are there since Linux 4.6.
  return {
    sendMss: field(16),
    rttMicroseconds: field(68),
    retransmits: field(100),
    dataSegmentsIn: field(152),
    dataSegmentsOut: field(156),
  };
}
