/**
 * How every TCP server of ours listens: what Bun 1.4.5 and the kernel would otherwise do to its connections is
 * taken care of here, so that a server has its protocol to think of.
 */
import type { Socket } from "bun";
import { listenOnEdge } from "../platform/accepting.ts";
import { setOption } from "../platform/socket-options.ts";
import { closeIdle } from "./idle.ts";
import { listenOn, type Where } from "./standalone.ts";

/** How long a finished connection may take to be closed by its peer. */
const LINGER_SECONDS = 5;
/**
 * What the kernel takes for a peer that does not read; Linux makes twice this of it (socket(7)). By itself it takes up
 * to 4 MiB (net.ipv4.tcp_wmem), and when some hundred peers have that, TCP is short of memory for all of them
 * (net.ipv4.tcp_mem).
 */
const SEND_BUFFER_BYTES = 131_072;

/** Listens, by Bun.listen or Bun.serve, as `listenOnEdge` does, and bounds the send buffers of what is accepted. */
export function listenBounded<L>(listen: () => L): { listener: L; stop: () => void } {
  const { fds, ...rest } = listenOnEdge(listen);
  // Accepted sockets inherit it (tcp(7)).
  for (const fd of fds) setOption(fd, "SO_SNDBUF", SEND_BUFFER_BYTES);
  return rest;
}

export type Connections<T> = {
  /** One has been accepted; with TLS, its handshake is done. What is put into `socket.data` comes to the others. */
  open: (socket: Socket<T>) => void;
  /** The chunk may be kept. */
  data: (connection: T, chunk: Buffer) => void;
  /** What waits can be written; also called without cause. */
  drain?: (connection: T) => void;
  /** Its peer has sent FIN, and can still read. */
  end: (connection: T) => void;
  /** It has gone, in whatever way: by a reset, if there is an error. May be called twice. */
  close: (connection: T, error?: Error) => void;
};

export type Listener<T> = {
  /** 0 for a Unix socket. */
  port: number;
  /** It is finished: unless its peer closes it within 5 s, it is reset, whatever the peer still sends. */
  linger: (socket: Socket<T>) => void;
  /** Accepts no more. */
  close: () => void;
  /** Closes the connections too. */
  stop: () => void;
};

export function listenTcp<T>(
  where: Where,
  connections: Connections<T>,
  lingerSeconds = LINGER_SECONDS,
): Listener<T> {
  /** Finished connections, by when they finished. */
  const finished = new Map<Socket<T>, number>();
  const { listener, stop: stopAsking } = listenBounded(() =>
    Bun.listen<T>({ ...listenOn(where), allowHalfOpen: true, socket: handlers(connections, finished) }),
  );
  const stopLingering = closeIdle(
    finished,
    ([, since]) => since,
    lingerSeconds,
    ([socket]) => {
      finished.delete(socket);
      socket.terminate();
    },
  );
  const close = (connectionsToo: boolean) => {
    stopAsking();
    listener.stop(connectionsToo);
  };
  return {
    port: listener.port,
    linger: (socket) => void finished.set(socket, performance.now()),
    close: () => close(false),
    stop() {
      stopLingering();
      close(true);
    },
  };
}

function handlers<T>(connections: Connections<T>, finished: Map<Socket<T>, number>) {
  let neverOpened: Socket<T> | undefined;
  const gone = (socket: Socket<T>, error?: Error) => {
    finished.delete(socket);
    if (socket.data !== undefined) connections.close(socket.data, error);
  };
  return {
    open(socket: Socket<T>) {
      if (socket === neverOpened) return;
      // Bun gives an accepted connection a timer of 120 s, which traffic does not renew.
      socket.timeout(0);
      connections.open(socket);
    },
    data: ({ data }: Socket<T>, chunk: Buffer) => connections.data(data, chunk),
    drain: opened(connections.drain ?? (() => {})),
    end: opened(connections.end),
    close: gone,
    error: gone,
    // Where it still runs, it bounds a TLS handshake, of which nothing else is told.
    timeout(socket: Socket<T>) {
      neverOpened = socket; // Bun tells of its beginning now, and then of its end
      socket.terminate();
    },
  };
}

/**
 * A handler for connections that have been opened. Of one that ends within its TLS handshake Bun 1.4.5 tells
 * the end without ever having told the beginning: it has no data, and there is nothing to end.
 */
const opened =
  <T>(handle: (connection: T) => void) =>
  ({ data }: { data: T | undefined }): void => {
    if (data !== undefined) handle(data);
  };
