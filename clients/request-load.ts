/** How a fleet comes to ask a server: its connections stand and each has been answered once; and how asking ends. */
import { now } from "../platform/clock.ts";
import { capabilityOf, protocolOf } from "../protocols/index.ts";
import { type Endpoint, plannedEndpoint, type TlsTrust } from "./endpoint.ts";
import type { Exchange } from "./exchange.ts";
import { createHistogram } from "./histogram.ts";
import { joining, topicOf } from "./joining.ts";
import { awaitArrivals } from "./measured-time.ts";
import { type MemberHandlers, openMembers } from "./members.ts";
import { ask, createRequestClient, emptyCounts, receive, type SumRun } from "./request-clients.ts";
import { createRequestPool, POOL_SIZE } from "./requests.ts";
import { Unreachable } from "./unreachable.ts";

export type RequestPlan = {
  target: string;
  protocol: string;
  trust?: TlsTrust;
  /** Over all fleets. */
  connections: number;
  seed: number;
  load: RequestLoad;
  /** Draining ends when nothing has come for so long. */
  quietSeconds: number;
};

/** Open: so many requests a second over all connections. Closed: so many in flight on each. */
export type RequestLoad = { loop: "open"; rate: number } | { loop: "closed"; depth: number };

export type RequestRun = SumRun & {
  target: Endpoint;
  lost: { count: number; reason: string };
  quietSeconds: number;
};

/** Longest time for what is in flight, as long as some of it comes. */
const DRAIN_SECONDS = 20;
const ANSWER_SECONDS = 5;

/** Opens this fleet's connections, which have asked nothing yet. */
export async function openRequests(plan: RequestPlan, exchange: Exchange): Promise<RequestRun> {
  const target = plannedEndpoint(plan);
  // An open loop that has more in flight stops, and says that it did.
  // No more than a reply can be told apart from, with the closing request.
  const depth = plan.load.loop === "closed" ? Math.min(plan.load.depth, POOL_SIZE - 1) : POOL_SIZE - 1;
  const requests = capabilityOf(plan.protocol, "requests");
  const run: RequestRun = {
    target,
    requests,
    pool: createRequestPool(requests, plan.seed + exchange.fleet),
    counts: emptyCounts(),
    witnesses: [],
    latency: createHistogram(),
    measuring: false,
    asking: false,
    clients: [],
    lastReply: now(),
    longestSilence: 0,
    batch: new Uint8Array(65_536),
    lost: { count: 0, reason: "" },
    quietSeconds: plan.quietSeconds,
  };
  const count = Math.ceil((plan.connections - exchange.fleet) / exchange.fleets);
  const enter = joining({
    protocol: protocolOf(plan.protocol),
    topic: topicOf(plan.seed, now()),
    role: "client",
    number: (index) => index * exchange.fleets + exchange.fleet,
    // What a server says before it is asked is looked at too.
    onHearing(index, member) {
      run.clients[index] = createRequestClient(member, depth, (index * 97) % run.pool.length);
    },
  });
  const handlers: MemberHandlers = {
    onBytes: (index, chunk) => receive(run, run.clients[index], chunk),
    onLost(_, reason) {
      run.lost.count++;
      run.lost.reason = reason;
    },
  };
  await openMembers(target, count, handlers, enter);
  return run;
}

/** One request on each connection must be answered before anything is measured. */
export async function firstReplies(run: RequestRun): Promise<void> {
  const deadline = now() + ANSWER_SECONDS * 1e9;
  for (const client of run.clients) ask(run, client, now());
  while (run.counts.replies < run.clients.length) {
    if (run.lost.count > 0)
      throw new Unreachable(`${run.target.url}: ${run.lost.count} connections lost: ${run.lost.reason}`);
    if (run.unreadable) throw new Unreachable(`${run.target.url}: ${run.unreadable}`);
    if (now() > deadline)
      throw new Unreachable(
        `${run.target.url} took ${run.clients.length} connections but answered ${run.counts.replies} of ${run.clients.length} first requests within ${ANSWER_SECONDS} s`,
      );
    await Bun.sleep(2);
  }
}

/**
 * Waits for what is in flight. A stream's request that is still unanswered then is followed by one more: when that one
 * is answered, the server has passed the earlier over; else it may only be slow.
 */
export async function drainRequests(run: RequestRun): Promise<void> {
  await untilQuiet(run);
  if (run.unreadable) throw new Unreachable(`${run.target.url}: ${run.unreadable}`);
  const open = run.clients.filter(({ count }) => count > 0);
  const { counts } = run;
  if (run.requests.promises.mayLose) {
    for (const { count } of open) counts.missing += count;
    return;
  }
  for (const client of open) ask(run, client, now());
  if (open.length > 0) await untilQuiet(run);
  counts.unanswered = run.clients.reduce((sum, { count }) => sum + count, 0);
}

export const untilQuiet = (run: RequestRun, pollMs?: number): Promise<void> =>
  awaitArrivals({
    done: () => run.clients.every(({ count }) => count === 0) || run.lost.count >= run.clients.length,
    lastArrival: () => run.lastReply,
    quiet: () => run.quietSeconds * 1e9,
    atMost: DRAIN_SECONDS * 1e9,
    ...(pollMs === undefined ? {} : { pollMs }),
  });
