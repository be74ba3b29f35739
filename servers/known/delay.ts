#!/usr/bin/env bun
/**
 * A delay line: the reference server, which gets to see each read only so many milliseconds after it came:
 * `bun servers/known/delay.ts --protocol chat/bracket --delay 20`. With `--stall 200` it sees nothing during the first 200 ms
 * of each second besides; what came meanwhile it sees at their end.
 *
 * What an open loop must find, whose messages come evenly and which counts from the planned time, on top of what the
 * server takes anyway: every latency is d. With a stall of s in each second and no delay, a message that comes at the phase
 * x < s waits for s - x, and the others do not wait. So the share q of the messages with the shortest latencies waits for
 * 0 up to q = 1 - s, and for s * (q - (1 - s)) / s beyond, in seconds: with s = 0.2 the p50 is 0, the p90
 * 0.2 * (0.9 - 0.8) / 0.2 s = 100 ms, and the p99 190 ms. The time that is measured must be whole seconds. A load that
 * counted from when it sent, and waited for answers, would find one long latency in each second.
 */
import { now } from "../../platform/clock.ts";
import { type DialectName, dialects } from "../../protocols/chat.ts";
import { SUM_PORT } from "../../protocols/sum.ts";
import { listenTcp } from "../listen.ts";
import { type Running, type ServerSpec, standalone, wholeNumber } from "../standalone.ts";
import { startChat } from "../tcp-chat.ts";
import { IDLE_SECONDS, startTcpSum } from "../tcp-sum.ts";
import { createLater } from "./later.ts";

const SECOND_NS = 1e9;

export type DelayOptions = {
  host: string;
  port: number;
  protocol: (typeof protocols)[number];
  delayMs: number;
  /** Less than 1,000. */
  stallMs: number;
};

const protocols = ["chat/bracket", "sum/tcp"] as const;

export function startDelayed({ protocol, delayMs, stallMs, ...where }: DelayOptions): Running {
  const begin = now();
  /** When what came at this time is to be seen. */
  const due = (at: number): number => {
    const delayed = at + delayMs * 1e6;
    const phase = (delayed - begin) % SECOND_NS;
    return phase < stallMs * 1e6 ? delayed - phase + stallMs * 1e6 : delayed;
  };
  const { later, counters } = createLater();
  const listen = listenLate((act) => later(due(now()), act));
  const server =
    protocol === "sum/tcp"
      ? startTcpSum({ ...where, idleSeconds: IDLE_SECONDS }, listen)
      : startChat({ ...where, dialect: protocol }, listen);
  return { ...server, counters };
}

/** Listens as all do, and tells of what came when it is due. */
const listenLate =
  (whenDue: (act: () => void) => void): typeof listenTcp =>
  (where, connections, linger) =>
    listenTcp(
      where,
      {
        ...connections,
        data: (connection, chunk) => whenDue(() => connections.data(connection, chunk)),
        end: (connection) => whenDue(() => connections.end(connection)),
      },
      linger,
    );

const spec: ServerSpec = {
  summary: "TCP server that sees what comes a known time later",
  protocol: ({ protocol }) => String(protocol),
  port: ({ protocol }) => (protocol === "sum/tcp" ? SUM_PORT : dialects[protocol as DialectName].port),
  options: (program) =>
    program
      .addOption(
        program.createOption("--protocol <name>", "what it speaks").choices(protocols).default(protocols[0]),
      )
      .option("--delay <milliseconds>", "how late it sees what comes", wholeNumber(0, 10_000), 0)
      .option("--stall <milliseconds>", "of each second, in which it sees nothing", wholeNumber(0, 999), 0),
  start: ({ host, port, protocol, delay, stall }) =>
    startDelayed({
      ...{ host, port, protocol: protocol as DelayOptions["protocol"] },
      ...{ delayMs: Number(delay), stallMs: Number(stall) },
    }),
};

export default spec;
if (import.meta.main) await standalone(spec);
