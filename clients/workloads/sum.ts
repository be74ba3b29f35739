/**
 * The sum workload: many connections ask, and every reply is compared byte for byte with the right one, in
 * the order of the requests. Closed loop with so many requests outstanding on each connection, or open loop.
 */
import { now } from "../../platform/clock.ts";
import type { Used } from "../../platform/meter.ts";
import { capabilityOf } from "../../protocols/index.ts";
import { type Endpoint, plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { createHistogram, encodeHistogram, recordLatency } from "../histogram.ts";
import { awaitArrivals, measureTime } from "../measured-time.ts";
import { openMembers } from "../members.ts";
import { type Pace, pace } from "../pacer.ts";
import {
  ask,
  askAll,
  createRequestClient,
  emptyCounts,
  GIVE_UP_NS,
  giveUp,
  receive,
  type SumCounts,
  type SumRun,
  type SumWitness,
} from "../request-clients.ts";
import { createRequestPool, POOL_SIZE } from "../requests.ts";
import { Unreachable } from "../unreachable.ts";

export type SumPlan = {
  workload: "sum";
  target: string;
  protocol: string;
  serverPids: readonly number[];
  connections: number;
  seed: number;
  warmupSeconds: number;
  seconds: number;
  load: { loop: "open"; rate: number } | { loop: "closed"; depth: number };
  quietSeconds: number;
};

export type SumReport = {
  workload: "sum";
  counts: SumCounts;
  witnesses: SumWitness[];
  connectionsLost: { count: number; reason: string };
  /** Of the measured time only; replies also of its first half; `silence`: the longest time without one, ns. */
  measured: { used: Used; sent: number; replies: number; firstHalf: number; silence: number };
  /** Round trips, from the intended time in an open loop; of the measured time only. */
  latency: string;
  open?: { lag: string; pace: Pace };
};

/** Longest time for what is in flight, as long as some of it comes. */
const DRAIN_SECONDS = 20;
const ANSWER_SECONDS = 5;
/** Between go and the first request, so that every fleet has heard go. */
const START_DELAY_NS = 20e6;

type Run = SumRun & { plan: SumPlan; target: Endpoint };

export async function runSum(plan: SumPlan, exchange: Exchange): Promise<SumReport> {
  const target = plannedEndpoint(plan);
  // An open loop that has more in flight stops, and says that it did.
  // No more than a reply can be told apart from, with the closing request.
  const depth = plan.load.loop === "closed" ? Math.min(plan.load.depth, POOL_SIZE - 1) : POOL_SIZE - 1;
  const requests = capabilityOf(plan.protocol, "requests");
  const pool = createRequestPool(requests, plan.seed + exchange.fleet);
  const counts = emptyCounts();
  const witnesses: SumWitness[] = [];
  const lost = { count: 0, reason: "" };
  const latency = createHistogram();
  const run: Run = {
    plan,
    target,
    requests,
    pool,
    counts,
    witnesses,
    latency,
    measuring: false,
    asking: false,
    clients: [],
    lastReply: now(),
    longestSilence: 0,
    batch: new Uint8Array(65_536),
  };
  const members = await openMembers(
    target,
    Math.ceil((plan.connections - exchange.fleet) / exchange.fleets),
    {
      onBytes: (index, chunk) => receive(run, run.clients[index], chunk),
      onLost(_, reason) {
        lost.count++;
        lost.reason = reason;
      },
    },
  );
  run.clients = members.map((member, index) =>
    createRequestClient(member, depth, (index * 97) % pool.length),
  );

  try {
    await firstReplies(run, () => lost);
    const go = await exchange.ready({ prefixes: [] });
    const patrol =
      requests.unit === "datagram" ? setInterval(() => giveUp(run), GIVE_UP_NS / 5e6) : undefined;
    const progress = setInterval(
      () => exchange.progress({ sent: counts.sent, delivered: counts.replies }),
      250,
    );
    try {
      const start = go.at + START_DELAY_NS;
      const measuring = measure(run, exchange, start, () => lost.count);
      const open =
        plan.load.loop === "open"
          ? await askOpen(run, exchange, start, plan.load.rate, () => lost.count)
          : undefined;
      if (plan.load.loop === "closed") {
        run.asking = true;
        for (const client of run.clients) askAll(run, client);
      }
      const measured = await measuring;
      run.asking = false;
      await drain(run, () => lost.count);
      return {
        workload: "sum",
        counts,
        // What was passed over may have come late: then it is not missing after all.
        witnesses: witnesses.filter(({ kind }) => counts[kind] > 0),
        connectionsLost: lost,
        measured,
        latency: encodeHistogram(latency),
        ...(open ? { open } : {}),
      };
    } finally {
      clearInterval(progress);
      clearInterval(patrol);
    }
  } finally {
    for (const member of members) member.close();
  }
}

/** One request on each connection must be answered before anything is measured. */
async function firstReplies(run: Run, lost: () => { count: number; reason: string }): Promise<void> {
  const deadline = now() + ANSWER_SECONDS * 1e9;
  for (const client of run.clients) ask(run, client, now());
  while (run.counts.replies < run.clients.length) {
    if (lost().count > 0)
      throw new Unreachable(`${run.target.url}: ${lost().count} connections lost: ${lost().reason}`);
    if (now() > deadline)
      throw new Unreachable(
        `${run.target.url} took ${run.clients.length} connections but answered ${run.counts.replies} of ${run.clients.length} first requests within ${ANSWER_SECONDS} s`,
      );
    await Bun.sleep(2);
  }
}

async function measure(
  run: Run,
  exchange: Exchange,
  start: number,
  lost: () => number,
): Promise<SumReport["measured"]> {
  let sentBefore = 0;
  const { used, done, firstHalf } = await measureTime(run.plan, exchange.fleet, start, {
    done: () => run.counts.replies,
    onBegin() {
      sentBefore = run.counts.sent;
      run.measuring = true;
      run.longestSilence = 0;
      run.lastReply = now();
    },
    onEnd() {
      run.measuring = false;
    },
    over: () => lost() > 0,
  });
  return {
    used,
    sent: run.counts.sent - sentBefore,
    replies: done,
    firstHalf,
    silence: Math.max(run.longestSilence, now() - run.lastReply),
  };
}

/** Request k goes out on connection k mod connections. */
async function askOpen(
  run: Run,
  { fleet, fleets }: Exchange,
  start: number,
  rate: number,
  lost: () => number,
): Promise<{ lag: string; pace: Pace }> {
  const { connections, warmupSeconds, seconds } = run.plan;
  const lag = createHistogram();
  const result = await pace(
    {
      start,
      interval: 1e9 / rate,
      count: Math.round(rate * (warmupSeconds + seconds)),
      mine: (k) => (k % connections) % fleets === fleet,
      send: (k, intended) => ask(run, run.clients[Math.floor((k % connections) / fleets)], intended),
      onLag(nanoseconds) {
        if (run.measuring) recordLatency(lag, nanoseconds);
      },
    },
    () => lost() > 0,
  );
  return { lag: encodeHistogram(lag), pace: result };
}

/**
 * Waits for what is in flight. A stream's request that is still unanswered then is followed by one more: when that one
 * is answered, the server has passed the earlier over; else it may only be slow.
 */
async function drain(run: Run, lost: () => number): Promise<void> {
  await untilQuiet(run, lost);
  const open = run.clients.filter(({ count }) => count > 0);
  const { counts } = run;
  if (run.requests.unit === "datagram") {
    for (const { count } of open) counts.missing += count;
    return;
  }
  for (const client of open) ask(run, client, now());
  if (open.length > 0) await untilQuiet(run, lost);
  counts.unanswered = run.clients.reduce((sum, { count }) => sum + count, 0);
}

const untilQuiet = (run: Run, lost: () => number): Promise<void> =>
  awaitArrivals({
    done: () => run.clients.every(({ count }) => count === 0) || lost() >= run.clients.length,
    lastArrival: () => run.lastReply,
    quiet: () => run.plan.quietSeconds * 1e9,
    atMost: DRAIN_SECONDS * 1e9,
  });
