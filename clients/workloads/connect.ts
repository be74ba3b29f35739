/**
 * The connect workload: connections that come and go as fast as so many at once allow. Each is opened, over
 * WebSocket upgraded too, left in order (FIN, or a close frame), and over when the server has closed it as well:
 * a kernel opens connections by itself, but it is the server's program that lets them go.
 */
import type { Socket } from "bun";
import { append, createByteQueue, queuedBytes, viewQueued } from "../../platform/byte-queue.ts";
import { now } from "../../platform/clock.ts";
import type { Used } from "../../platform/meter.ts";
import {
  acceptFor,
  CLIENT_MASK,
  closePayload,
  createKey,
  encodeFrame,
  FIN,
  handshakeRequest,
  opcodes,
  readHead,
  statusOf,
} from "../../protocols/websocket.ts";
import { dial } from "../dial.ts";
import { type Endpoint, plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { createHistogram, encodeHistogram, recordLatency } from "../histogram.ts";
import { measureTime } from "../measured-time.ts";
import { connectReason, openMembers } from "../members.ts";

export type ConnectPlan = {
  workload: "connect";
  target: string;
  protocol: string;
  serverPids: readonly number[];
  /** Connections open or opening at a time, over all fleets. */
  atOnce: number;
  /** An end before the time is over: each connection may hold a local port for a minute (TIME_WAIT). */
  most: number;
  /** Seconds: before the measured time, and of it. */
  warmup: number;
  duration: number;
};

export type ConnectReport = {
  workload: "connect";
  /** Sessions from beginning to end, warm-up included, and those that did not get there. */
  counts: { sessions: number; failed: number };
  /** Why the last one failed. */
  reason: string;
  /** Of the measured time only; sessions also of its first half. */
  measured: { used: Used; sessions: number; firstHalf: number };
  /** Until the connection, and the WebSocket, stands; and until the server has closed it. */
  opened: string;
  session: string;
};

const SESSION_TIMEOUT_MS = 5000;
/** A server that lets so many fail in a row is not asked any more. */
const MAX_FAILURES = 100;
const MAX_HEAD_BYTES = 16_384;
/** The time ends with the last connection: it is looked for often. */
const LOOK_MS = 5;

type Run = {
  plan: ConnectPlan;
  target: Endpoint;
  handshake?: { request: Uint8Array; accept: string };
  /** This fleet's share of `most`. */
  most: number;
  started: number;
  counts: ConnectReport["counts"];
  reason: string;
  measuring: boolean;
  over: boolean;
  opened: ReturnType<typeof createHistogram>;
  session: ReturnType<typeof createHistogram>;
};

export async function runConnect(plan: ConnectPlan, exchange: Exchange): Promise<ConnectReport> {
  const target = plannedEndpoint(plan);
  const [first] = await openMembers(target, 1, { onBytes: () => {}, onLost: () => {} });
  first.close();
  await exchange.ready({ prefixes: [] });
  const run: Run = {
    plan,
    target,
    ...(target.transport === "ws" ? { handshake: handshakeWith(target) } : {}),
    most: Math.ceil(plan.most / exchange.fleets),
    started: 0,
    counts: { sessions: 0, failed: 0 },
    reason: "",
    measuring: false,
    over: false,
    opened: createHistogram(),
    session: createHistogram(),
  };
  const progress = setInterval(
    () => exchange.progress({ sent: run.started, delivered: run.counts.sessions }),
    250,
  );
  try {
    const lanes = Math.max(1, Math.round(plan.atOnce / exchange.fleets));
    const [measured] = await Promise.all([
      measure(run, exchange),
      ...Array.from({ length: lanes }, () => comeAndGo(run)),
    ]);
    return {
      workload: "connect",
      counts: run.counts,
      reason: run.reason,
      measured,
      opened: encodeHistogram(run.opened),
      session: encodeHistogram(run.session),
    };
  } finally {
    clearInterval(progress);
  }
}

function handshakeWith({ hostname, port, path }: Endpoint) {
  const key = createKey(crypto.getRandomValues(new Uint8Array(16)));
  return {
    request: Buffer.from(handshakeRequest(`${hostname}:${port}`, path, key)),
    accept: acceptFor(key),
  };
}

/** One connection after the other until the time is over. */
async function comeAndGo(run: Run): Promise<void> {
  while (!run.over && run.started < run.most) {
    run.started++;
    const start = now();
    try {
      const openedAt = await liveOnce(run);
      const at = now();
      run.counts.sessions++;
      if (!run.measuring) continue;
      recordLatency(run.opened, openedAt - start);
      recordLatency(run.session, at - start);
    } catch (error) {
      run.reason = connectReason(run.target, error);
      if (++run.counts.failed >= MAX_FAILURES) run.over = true;
    }
  }
}

/** Opens one connection, leaves it, and resolves, once the server has closed it, with when it stood. */
async function liveOnce({ target, handshake }: Run): Promise<number> {
  let openedAt = 0;
  const head = createByteQueue();
  const gone = Promise.withResolvers<void>();
  gone.promise.catch(() => {});
  const fail = (why: string) => gone.reject(new Error(why));

  function receive(socket: Socket, chunk: Uint8Array): void {
    if (!handshake || openedAt > 0) return; // what a room says is not looked at here
    const looked = queuedBytes(head);
    append(head, chunk);
    const answer = readHead(viewQueued(head), looked);
    if (!answer && queuedBytes(head) < MAX_HEAD_BYTES) return;
    if (answer && statusOf(answer) === 101 && answer.fields["sec-websocket-accept"] === handshake.accept) {
      openedAt = now();
      socket.write(encodeFrame(FIN | opcodes.close, closePayload(1000), CLIENT_MASK));
    } else fail(`the handshake was answered with "${answer?.firstLine ?? "no end"}"`);
  }

  const connecting = dial(target, {
    open(socket) {
      if (handshake) return void socket.write(handshake.request);
      openedAt = now();
      socket.shutdown();
    },
    data: receive,
    close: (_, error) =>
      error || openedAt === 0 ? fail(error?.message ?? "closed in the handshake") : gone.resolve(),
    error: (_, error) => fail(error.message),
  });
  const timer = setTimeout(() => fail(`not over within ${SESSION_TIMEOUT_MS / 1000} s`), SESSION_TIMEOUT_MS);
  let socket: Socket | undefined;
  try {
    socket = await connecting;
    await gone.promise;
    return openedAt;
  } catch (error) {
    socket?.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Until the measured time is over, or the last connection. */
async function measure(run: Run, exchange: Exchange): Promise<ConnectReport["measured"]> {
  const { used, done, firstHalf } = await measureTime(run.plan, exchange.fleet, now(), {
    done: () => run.counts.sessions,
    onBegin() {
      run.measuring = true;
    },
    onEnd() {
      run.measuring = false;
      run.over = true;
    },
    over: () => run.over || run.started >= run.most,
    lookMs: LOOK_MS,
  });
  return { used, sessions: done, firstHalf };
}
