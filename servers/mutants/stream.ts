/** Faults of servers that answer each connection from its own bytes, over TCP: the reference's, with another listener. */
import type { Socket } from "bun";
import { listenTcp } from "../listen.ts";
import { type RequestServer, type Session, serveRequests } from "../request-stream.ts";
import type { Running, Where } from "../standalone.ts";
import { type Connections, connectionFaults } from "./connections.ts";
import type { Faults } from "./fault.ts";

/** The decisions of such a server, and of its listener. */
export type StreamServer<State> = RequestServer<State> &
  Connections<Socket<Session<State>>> & {
    /** A read has come, and `hand` gives it to the server. */
    received: (hand: () => void) => void;
    /** Writes what a connection is answered; below 0, it cannot. */
    write: (write: () => number, bytes: Uint8Array) => number;
    /** A connection has been reset, and `stop` would end the server. */
    wasReset: (stop: () => void) => void;
  };

export const plainListener = <State>(): Pick<
  StreamServer<State>,
  "opened" | "reset" | "received" | "write" | "wasReset"
> => ({
  opened() {},
  reset: (socket) => void socket.terminate(),
  received: (hand) => hand(),
  write: (write) => write(),
  wasReset() {},
});

export function startStream<State>(where: Where, server: StreamServer<State>): Running {
  return serveRequests(where, server, (where, connections) => {
    const listener = listenTcp<Session<State>>(where, {
      ...connections,
      open(socket) {
        const write = socket.write.bind(socket);
        socket.write = ((bytes: Uint8Array, offset: number, length: number) => {
          const taken = server.write(() => write(bytes, offset, length), bytes);
          if (taken < 0) server.wasReset(listener.stop);
          return taken;
        }) as typeof write;
        server.opened(socket);
        connections.open(socket);
      },
      data: (session, chunk) => server.received(() => connections.data(session, chunk)),
      close(session, error) {
        if (error) server.wasReset(listener.stop);
        connections.close(session);
      },
    });
    return listener;
  });
}

export const streamFaults = <State>() =>
  ({
    ...connectionFaults<Socket<Session<State>>>(),
    once: {
      words: "a connection gets one reply, not one for each request",
      fails: { echo: "1.2 1.4 1.5", "sum-tcp": "1.2-5 1.9 1.10 3.1-3 3.5 3.8 3.9 3.12 4.2" },
      change({ respond }) {
        const served = new Set<State>();
        return {
          respond(state, chunk) {
            const answer = respond(state, chunk);
            const first = served.has(state) ? "" : answer.replies.slice(0, answer.replies.indexOf("\n") + 1);
            if (first !== "") served.add(state);
            return { ...answer, replies: first };
          },
        };
      },
    },
    silent: {
      words: "connections are accepted and read, and nothing is ever sent",
      fails: { "sum-tcp": "1.1-10 2.1-11 3.1-14 4.2" },
      change: () => ({ respond: () => ({ replies: "" }) }),
    },
    "no-newline": {
      words: "a reply has no end of line",
      fails: { echo: "1.1-8", "sum-tcp": "1.1-10 2.1-11 3.1-14 4.2" },
      change: ({ respond }) => ({
        respond(state, chunk) {
          const answer = respond(state, chunk);
          return { ...answer, replies: answer.replies.replaceAll("\n", "") };
        },
      }),
    },
    "one-buffer": {
      words: "half a request of one connection goes into the next one of another",
      fails: { echo: "1.7", "sum-tcp": "3.11 3.13" },
      change({ createState }) {
        const shared = createState();
        return { createState: () => shared };
      },
    },
    "closes-at-fin": {
      words: "what came before a FIN is not answered",
      fails: { echo: "1.6", "sum-tcp": "3.12" },
      change: () => ({ received: (hand) => void setTimeout(hand, 5) }),
    },
    "dies-of-reset": {
      words: "a reset ends the server",
      fails: { echo: "1.8" },
      change: () => ({ wasReset: (stop) => stop() }),
    },
  }) as const satisfies Faults<StreamServer<State>>;
