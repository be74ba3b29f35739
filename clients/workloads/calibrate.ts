/**
 * The calibrate workload: what the harness itself costs. A clock reading, how late the pacer is, what a fleet
 * can stamp and verify out of memory, and an echo's round trip by a fleet's way beside the same by the
 * plainest possible loop: the difference is the harness's own.
 */
import type { Socket } from "bun";
import { now } from "../../platform/clock.ts";
import { verifyMessage, writeMessage } from "../../protocols/stamp.ts";
import { type Endpoint, placeOf, plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { createHistogram, type Histogram, recordLatency } from "../histogram.ts";
import { openMembers } from "../members.ts";
import { pace } from "../pacer.ts";
import { Unreachable } from "../unreachable.ts";

export type CalibratePlan = {
  workload: "calibrate" /** An echo server. */;
  target: string;
  protocol: string;
};

/** Nanoseconds, but for the rates: messages of 64 bytes a second. */
export type CalibrateReport = {
  workload: "calibrate";
  timestamp: number;
  pacerLag: { p50: number; p99: number };
  roundTrip: { fleet: number; plain: number };
  verifyRate: number;
  stampRate: number;
};

const CLOCK_READS = 200_000;
const MESSAGE_BYTES = 64;
const MESSAGES = 1000;
const PASSES = 400;
const PACED_RATE = 10_000;
const PACED_MESSAGES = 5000;
const ROUND_TRIPS = 3000;
/** Round trips that warm a loop up; they are not counted. */
const WARM_TRIPS = 500;
const TIMEOUT_MS = 10_000;

export async function runCalibrate(plan: CalibratePlan, exchange: Exchange): Promise<CalibrateReport> {
  const target = plannedEndpoint(plan);
  await exchange.ready({ prefixes: [] });
  const { verifyRate, stampRate } = measureStamps();
  // In turn, so that a drifting machine drifts over both.
  const [fleet, plain] = [createHistogram(), createHistogram()];
  for (let turn = 0; turn < 4; turn++) {
    await roundTripsByFleet(target, fleet);
    await roundTripsPlainly(target, plain);
    exchange.progress({ sent: turn, delivered: turn });
  }
  return {
    workload: "calibrate",
    timestamp: measureClock(),
    pacerLag: await measurePacer(),
    roundTrip: { fleet: fleet.getValueAtPercentile(50), plain: plain.getValueAtPercentile(50) },
    verifyRate,
    stampRate,
  };
}

function measureClock(): number {
  const begin = now();
  for (let i = 0; i < CLOCK_READS; i++) now();
  return (now() - begin) / CLOCK_READS;
}

function measureStamps(): { verifyRate: number; stampRate: number } {
  const view = new DataView(new ArrayBuffer(MESSAGES * MESSAGE_BYTES));
  const rate = (one: (i: number) => void) => {
    const begin = now();
    for (let pass = 0; pass < PASSES; pass++) for (let i = 0; i < MESSAGES; i++) one(i);
    return (PASSES * MESSAGES) / ((now() - begin) / 1e9);
  };
  const stampRate = rate((i) => writeMessage(view, i * MESSAGE_BYTES, MESSAGE_BYTES, 1, i, i, i * 1e6));
  let wrong = 0;
  const verifyRate = rate((i) => {
    if (!verifyMessage(view, i * MESSAGE_BYTES, MESSAGE_BYTES, 1)) wrong++;
  });
  if (wrong > 0) throw new Error(`${wrong} of our own messages did not verify`);
  return { verifyRate, stampRate };
}

async function measurePacer(): Promise<{ p50: number; p99: number }> {
  const lag = createHistogram();
  await pace(
    {
      start: now() + 5e6,
      interval: 1e9 / PACED_RATE,
      count: PACED_MESSAGES,
      mine: () => true,
      send: () => true,
      onLag: (nanoseconds) => recordLatency(lag, nanoseconds),
    },
    () => false,
  );
  return { p50: lag.getValueAtPercentile(50), p99: lag.getValueAtPercentile(99) };
}

const PING = new Uint8Array(Buffer.from("ping\n"));
const PONG_BYTES = 5;

/** One ping at a time through what every workload uses: members, outbox, clock, histogram. */
async function roundTripsByFleet(target: Endpoint, histogram: Histogram): Promise<void> {
  const done = Promise.withResolvers<void>();
  let [sentAt, bytes, trips] = [0, 0, 0];
  const [member] = await openMembers(target, 1, {
    onBytes(_, chunk) {
      bytes += chunk.length;
      if (bytes < PONG_BYTES) return;
      bytes -= PONG_BYTES;
      if (++trips > WARM_TRIPS) recordLatency(histogram, now() - sentAt);
      if (trips === ROUND_TRIPS) done.resolve();
      else ping();
    },
    onLost: (_, reason) => done.reject(new Unreachable(`${target.url}: ${reason}`)),
  });
  const ping = () => {
    sentAt = now();
    member.send(PING, 0, PING.length);
  };
  ping();
  await withBound(done.promise, target).finally(member.close);
}

/** The same by nothing but a socket and Bun's own clock. */
async function roundTripsPlainly(target: Endpoint, histogram: Histogram): Promise<void> {
  const done = Promise.withResolvers<void>();
  const times = new Float64Array(ROUND_TRIPS);
  let [sentAt, trips] = [0, 0];
  const socket: Socket = await Bun.connect({
    ...placeOf(target),
    socket: {
      data(socket) {
        times[trips++] = Bun.nanoseconds() - sentAt;
        if (trips === ROUND_TRIPS) done.resolve();
        else {
          sentAt = Bun.nanoseconds();
          socket.write(PING);
        }
      },
    },
  });
  sentAt = Bun.nanoseconds();
  socket.write(PING);
  await withBound(done.promise, target).finally(() => socket.end());
  for (const time of times.subarray(WARM_TRIPS)) recordLatency(histogram, time);
}

async function withBound(work: Promise<void>, target: Endpoint): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Unreachable(`${target.url} stopped answering within ${TIMEOUT_MS / 1000} s`)),
    TIMEOUT_MS,
  );
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
