/**
 * The sum workload: many connections ask, and every reply is compared byte for byte with the right one, in
 * the order of the requests. Closed loop with so many requests outstanding on each connection, or open loop.
 */
import { now } from "../../platform/clock.ts";
import type { Used } from "../../platform/meter.ts";
import type { Exchange } from "../exchange.ts";
import { createHistogram, encodeHistogram, recordLatency } from "../histogram.ts";
import { measureTime, START_DELAY_NS } from "../measured-time.ts";
import { type Pace, pace } from "../pacer.ts";
import { ask, askAll, GIVE_UP_NS, giveUp, type SumCounts, type SumWitness } from "../request-clients.ts";
import {
  drainRequests,
  firstReplies,
  openRequests,
  type RequestPlan,
  type RequestRun,
} from "../request-load.ts";

export type SumPlan = RequestPlan & {
  workload: "sum";
  serverPids: readonly number[];
  /** Seconds: before the measured time, and of it. */
  warmup: number;
  duration: number;
};

export type SumReport = {
  workload: "sum";
  counts: SumCounts;
  witnesses: SumWitness[];
  connectionsLost: { count: number; reason: string };
  /** Of the measured time only; replies also of its first half; `silence`: the longest time without one, ns. */
  measured: { used: Used; sent: number; replies: number; firstHalf: number; silence: number };
  /** Round trips, from the intended time in an open loop; of the measured time only, by its halves. */
  latency: [string, string];
  open?: { lag: string; pace: Pace };
};

export async function runSum(plan: SumPlan, exchange: Exchange): Promise<SumReport> {
  const run = await openRequests(plan, exchange);
  const { counts, witnesses, requests } = run;
  const halves = [run.latency, createHistogram()] as const;
  try {
    await firstReplies(run);
    const go = await exchange.ready({ prefixes: [] });
    const patrol = requests.promises.mayLose ? setInterval(() => giveUp(run), GIVE_UP_NS / 5e6) : undefined;
    const progress = setInterval(
      () => exchange.progress({ sent: counts.sent, delivered: counts.replies }),
      250,
    );
    try {
      const start = go.at + START_DELAY_NS;
      const measuring = measure(run, plan, exchange, start, () => {
        run.latency = halves[1];
      });
      const open =
        plan.load.loop === "open" ? await askOpen(run, plan, exchange, start, plan.load.rate) : undefined;
      if (plan.load.loop === "closed") {
        run.asking = true;
        for (const client of run.clients) askAll(run, client);
      }
      const measured = await measuring;
      run.asking = false;
      await drainRequests(run);
      return {
        workload: "sum",
        counts,
        // What was passed over may have come late: then it is not missing after all.
        witnesses: witnesses.filter(({ kind }) => counts[kind] > 0),
        connectionsLost: run.lost,
        measured,
        latency: [encodeHistogram(halves[0]), encodeHistogram(halves[1])],
        ...(open ? { open } : {}),
      };
    } finally {
      clearInterval(progress);
      clearInterval(patrol);
    }
  } finally {
    for (const { member } of run.clients) member.close();
  }
}

async function measure(
  run: RequestRun,
  plan: SumPlan,
  exchange: Exchange,
  start: number,
  onMiddle: () => void,
): Promise<SumReport["measured"]> {
  let sentBefore = 0;
  const { used, done, firstHalf } = await measureTime(plan, exchange.fleet, start, {
    done: () => run.counts.replies,
    onBegin() {
      sentBefore = run.counts.sent;
      run.measuring = true;
      run.longestSilence = 0;
      run.lastReply = now();
    },
    onMiddle,
    onEnd() {
      run.measuring = false;
    },
    over: () => run.lost.count > 0,
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
  run: RequestRun,
  { connections, warmup, duration }: SumPlan,
  { fleet, fleets }: Exchange,
  start: number,
  rate: number,
): Promise<{ lag: string; pace: Pace }> {
  const lag = createHistogram();
  const result = await pace(
    {
      start,
      interval: 1e9 / rate,
      count: Math.round(rate * (warmup + duration)),
      mine: (k) => (k % connections) % fleets === fleet,
      send: (k, intended) => ask(run, run.clients[Math.floor((k % connections) / fleets)], intended),
      onLag(nanoseconds) {
        if (run.measuring) recordLatency(lag, nanoseconds);
      },
    },
    () => run.lost.count > 0,
  );
  return { lag: encodeHistogram(lag), pace: result };
}
