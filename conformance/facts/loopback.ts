/** Both ends of loopback connections, in this process, for claims about the platform itself. */
import type { Socket } from "bun";
import { fdOf, setOption } from "../../platform/socket-options.ts";
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { sleep } from "../peer.ts";

export type End = {
  socket: Socket;
  /** The sizes of all reads, in order. */
  reads: number[];
  bytes: Buffer[];
  ended: "open" | "end" | "close";
  error?: string;
};

export type Pair = { client: End; server: End; port: number; stop: () => void };

const codeOf = (error: unknown) =>
  error instanceof Error && "code" in error ? String(error.code) : undefined;

const handlersFor = (end: () => End) => ({
  data(_: Socket, bytes: Buffer) {
    end().reads.push(bytes.length);
    end().bytes.push(bytes);
  },
  end() {
    end().ended = "end";
  },
  close(_: Socket, error: Error | undefined) {
    end().ended = "close";
    const code = codeOf(error);
    if (code) end().error ??= code;
  },
  error(_: Socket, error: Error) {
    end().error ??= codeOf(error) ?? error.message;
  },
});

const emptyEnd = (socket: Socket): End => ({ socket, reads: [], bytes: [], ended: "open" });

/** A connection and both its ends, optionally with an MSS that the listener announces. */
export async function connectPair(maxSegment?: number): Promise<Pair> {
  const hostname = "127.0.0.1";
  const accepted = Promise.withResolvers<End>();
  let server: End | undefined;
  let client: End | undefined;
  const listener = Bun.listen({
    hostname,
    port: 0,
    allowHalfOpen: true,
    socket: {
      ...handlersFor(() => server!),
      open(socket) {
        server = emptyEnd(socket);
        accepted.resolve(server);
      },
    },
  });
  if (maxSegment) setOption(fdOf(listener), "TCP_MAXSEG", maxSegment);
  const socket = await Bun.connect({
    hostname,
    port: listener.port,
    allowHalfOpen: true,
    socket: handlersFor(() => client!),
  });
  client = emptyEnd(socket);
  const accepting = await accepted.promise;
  const stop = () => {
    socket.terminate();
    accepting.socket.terminate();
    listener.stop(true);
  };
  return { client, server: accepting, port: listener.port, stop };
}

/** Waits until so many bytes were received, at most a second; returns how many were. */
export async function received(end: End, bytes: number): Promise<number> {
  const sum = () => end.reads.reduce((all, size) => all + size, 0);
  for (let i = 0; i < 200 && sum() < bytes; i++) await sleep(5);
  return sum();
}

export type Fact = {
  number: string;
  title: string;
  requirement: string;
  source: string;
  run: (t: Context) => Promise<void>;
};

/** Facts judge no server: what they find is printed, also where a claim does not hold. */
export const facts = (rows: readonly Fact[]): Case[] =>
  rows.map(({ number, ...rest }) => ({ ...rest, id: `facts/${number}`, level: "FACT", ends: "any" }));

/** Reports whether the claim holds on this host, and what was observed. */
export function tell(t: Context, holds: boolean, seen: string): void {
  t.found(`${holds ? "holds" : "does not hold"} here: ${seen}`);
}
