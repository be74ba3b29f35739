/**
 * A TCP server whose connections are each answered from their own bytes alone: sums, pongs. Here is what such
 * servers share: replies that the kernel does not take yet, a peer that does not read them, FIN, and silence.
 */
import type { Socket } from "bun";
import { createOutbox, flush, type Outbox, pending, send } from "../platform/outbox.ts";
import { closeIdle } from "./idle.ts";
import { listenTcp } from "./listen.ts";
import { listeningUrl, type Running, type Where } from "./standalone.ts";

/** A peer that lets so many bytes of replies wait is not read any further until it has taken them. */
const PAUSE_BYTES = 65_536;
/** Past this it is reset: one read holds 512 KiB at most, and no reply here is much longer than its request. */
const MAX_QUEUE_BYTES = 4 * 1024 * 1024;

export type Session<State> = {
  socket: Socket<Session<State>>;
  state: State;
  outbox: Outbox;
  lastHeard: number;
  /** After the last reply: what still comes is read and thrown away, so that the reply is not lost by a reset. */
  finished: boolean;
};

/** What one read is answered with; `last` ends the connection behind it. */
export type Answer = { replies: string; last?: boolean };

export type RequestServer<State> = {
  createState: () => State;
  /** The chunk is only valid during the call. */
  respond: (state: State, chunk: Uint8Array) => Answer;
  idleSeconds: number;
  pauseBytes?: number;
  queueBytes?: number;
};

export function serveRequests<State>(
  where: Where,
  server: RequestServer<State>,
  listen: typeof listenTcp<Session<State>> = listenTcp,
): Running {
  const { pauseBytes = PAUSE_BYTES, queueBytes = MAX_QUEUE_BYTES } = server;
  const sessions = new Set<Session<State>>();
  const counters = { idle: 0, unread: 0 };

  function receive(session: Session<State>, chunk: Uint8Array): void {
    if (session.finished) return;
    session.lastHeard = performance.now();
    const { replies, last } = server.respond(session.state, chunk);
    if (replies !== "" && !send(session.outbox, session.socket, Buffer.from(replies))) {
      counters.unread++;
      return void session.socket.terminate();
    }
    if (last) finish(session);
    else if (pending(session.outbox) > pauseBytes) session.socket.pause();
  }

  function finish(session: Session<State>): void {
    if (session.finished) return;
    session.finished = true;
    if (pending(session.outbox) === 0) session.socket.shutdown();
    listener.linger(session.socket);
  }

  function drained(session: Session<State>): void {
    flush(session.outbox, session.socket);
    if (pending(session.outbox) > 0) return;
    if (session.finished) session.socket.shutdown();
    else session.socket.resume();
  }

  const listener = listen(where, {
    open(socket) {
      const outbox = createOutbox(queueBytes);
      const state = server.createState();
      socket.data = { socket, state, outbox, lastHeard: performance.now(), finished: false };
      sessions.add(socket.data);
    },
    data: receive,
    drain: drained,
    // Requests that stood before the peer's FIN are answered.
    end: finish,
    close: (session) => void sessions.delete(session),
  });
  const stopSweep = closeIdle(
    sessions,
    (session) => session.lastHeard,
    server.idleSeconds,
    (session) => {
      counters.idle++;
      sessions.delete(session);
      // A peer that has not even read its replies gets no orderly end.
      if (pending(session.outbox) > 0) session.socket.terminate();
      else finish(session);
    },
  );
  return {
    url: listeningUrl("tcp", where, listener.port),
    stop: () => {
      stopSweep();
      listener.stop();
    },
    counters: () => ({
      "idle connections closed": counters.idle,
      "peers reset that did not read": counters.unread,
    }),
  };
}
