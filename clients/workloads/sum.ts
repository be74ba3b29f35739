/**
 * The sum workload: many connections ask, and every reply is compared byte for byte with the right one, in
 * the order of the requests. Closed loop with so many requests outstanding on each connection, or open loop.
 */
import { now } from "../../platform/clock.ts";
import { readMeter, type Used, usedBetween } from "../../platform/meter.ts";
import { type Exchange, Unreachable } from "../exchange.ts";
import { createHistogram, encodeHistogram, recordLatency } from "../histogram.ts";
import { type Member, openMembers } from "../members.ts";
import { type Pace, pace } from "../pacer.ts";
import { createRequestPool, type PooledRequest } from "../requests.ts";
import { parseTarget, type Target } from "../target.ts";

export type SumPlan = {
  workload: "sum";
  target: string;
  serverPid?: number | undefined;
  connections: number;
  seed: number;
  warmupSeconds: number;
  seconds: number;
  load: { loop: "open"; rate: number } | { loop: "closed"; depth: number };
  quietSeconds: number;
};

/** A wrong reply, in full. */
export type SumWitness = { connection: number; request: string; expected: string; got: string };

export type SumReport = {
  workload: "sum";
  counts: { sent: number; replies: number; wrong: number; missing: number; unexpected: number };
  witnesses: SumWitness[];
  connectionsLost: { count: number; reason: string };
  measured: { used: Used; sent: number; replies: number };
  /** Round trips, from the intended time in an open loop; of the measured time only. */
  latency: string;
  open?: { lag: string; pace: Pace };
};

/** One connection's outstanding requests: a ring of places in the pool and of the times they count from. */
type Asker = {
  member: Member;
  next: number;
  ring: Int32Array;
  times: Float64Array;
  first: number;
  count: number;
  carry: Uint8Array;
};

const WITNESSES = 5;
const DRAIN_SECONDS = 5;
const ANSWER_SECONDS = 5;
/** Most requests outstanding on one connection; an open loop past it stops, and says that it did. */
const MAX_OUTSTANDING = 4096;

export async function runSum(plan: SumPlan, exchange: Exchange): Promise<SumReport> {
  const target = parseTarget(plan.target);
  if (!target) throw new Unreachable(`${plan.target} is no target`);
  const depth = plan.load.loop === "closed" ? plan.load.depth : MAX_OUTSTANDING;
  // Datagrams may come in any order or not at all: only an Id tells which request a reply is for.
  const pool = createRequestPool(target.transport, plan.seed + exchange.fleet, target.transport === "udp");
  const counts = { sent: 0, replies: 0, wrong: 0, missing: 0, unexpected: 0 };
  const witnesses: SumWitness[] = [];
  const lost = { count: 0, reason: "" };
  const latency = createHistogram();
  const run: Run = {
    plan,
    target,
    pool,
    counts,
    witnesses,
    latency,
    measuring: false,
    asking: false,
    askers: [],
    batch: new Uint8Array(65_536),
  };
  const members = await openMembers(
    target,
    Math.ceil((plan.connections - exchange.fleet) / exchange.fleets),
    {
      onBytes: (index, chunk) => receive(run, run.askers[index], chunk),
      onLost(_, reason) {
        lost.count++;
        lost.reason = reason;
      },
    },
  );
  run.askers = members.map((member, index) => createAsker(member, depth, (index * 97) % pool.length));

  try {
    await firstReplies(run, () => lost);
    await exchange.ready({ prefixes: [] });
    const progress = setInterval(
      () => exchange.progress({ sent: counts.sent, delivered: counts.replies }),
      250,
    );
    try {
      const start = now() + 10e6;
      const measuring = measure(run, exchange, start, () => lost.count);
      const open =
        plan.load.loop === "open"
          ? await askOpen(run, exchange, start, plan.load.rate, () => lost.count)
          : undefined;
      if (plan.load.loop === "closed") askClosed(run, depth);
      const measured = await measuring;
      run.asking = false;
      await drain(run, () => lost.count);
      counts.missing = counts.sent - counts.replies;
      return {
        workload: "sum",
        counts,
        witnesses,
        connectionsLost: lost,
        measured,
        latency: encodeHistogram(latency),
        ...(open ? { open } : {}),
      };
    } finally {
      clearInterval(progress);
    }
  } finally {
    for (const member of members) member.close();
  }
}

type Run = {
  plan: SumPlan;
  target: Target;
  pool: PooledRequest[];
  counts: SumReport["counts"];
  witnesses: SumWitness[];
  latency: ReturnType<typeof createHistogram>;
  /** Whether round trips are recorded now. */
  measuring: boolean;
  /** Whether a reply makes room for the next request (closed loop). */
  asking: boolean;
  askers: Asker[];
  /** Where the requests of one write are put together. */
  batch: Uint8Array;
};

function createAsker(member: Member, depth: number, next: number): Asker {
  return {
    member,
    next,
    ring: new Int32Array(depth),
    times: new Float64Array(depth),
    first: 0,
    count: 0,
    carry: new Uint8Array(0),
  };
}

/** Asks the next request of the pool; false when the connection can take no more. */
function ask(run: Run, asker: Asker, time: number): boolean {
  const { bytes } = run.pool[asker.next];
  if (asker.count === asker.ring.length || !asker.member.send(bytes, 0, bytes.length)) return false;
  enter(run, asker, time);
  return true;
}

/** Asks so many requests by one write; each datagram is its own. */
function askMany(run: Run, asker: Asker, count: number): void {
  const time = now();
  if (count === 1 || run.target.transport === "udp") {
    for (let i = 0; i < count; i++) ask(run, asker, time);
    return;
  }
  let length = 0;
  for (let i = 0; i < count; i++) {
    const { bytes } = run.pool[asker.next];
    if (length + bytes.length > run.batch.length) {
      asker.member.send(run.batch, 0, length);
      length = 0;
    }
    run.batch.set(bytes, length);
    length += bytes.length;
    enter(run, asker, time);
  }
  asker.member.send(run.batch, 0, length);
}

/** Notes a request that has been handed over as outstanding. */
function enter(run: Run, asker: Asker, time: number): void {
  const slot = (asker.first + asker.count++) % asker.ring.length;
  asker.ring[slot] = asker.next;
  asker.times[slot] = time;
  asker.next = asker.next + 1 === run.pool.length ? 0 : asker.next + 1;
  run.counts.sent++;
}

/** Takes what has come: each reply is compared with the one that the oldest outstanding request asks for. */
function receive(run: Run, asker: Asker, chunk: Uint8Array): void {
  const at = now();
  const bytes = asker.carry.length === 0 ? chunk : Buffer.concat([asker.carry, chunk]);
  const repliesBefore = run.counts.replies;
  let from = 0;
  while (from < bytes.length) {
    const end = asker.count > 0 ? expectedEnd(run, asker, bytes, from) : 0;
    const to = end > 0 ? end : unitEnd(run.target, bytes, from);
    if (to < 0) break;
    if (asker.count === 0) run.counts.unexpected++;
    else settle(run, asker, end > 0, bytes, from, to, at);
    from = to;
  }
  asker.carry = from === bytes.length ? EMPTY : bytes.slice(from);
  const replies = run.counts.replies - repliesBefore;
  if (run.asking && replies > 0) askMany(run, asker, replies);
}

const EMPTY = new Uint8Array(0);

/** Where the right reply to the oldest request ends, if it stands here whole; 0 if not. */
function expectedEnd(run: Run, asker: Asker, bytes: Uint8Array, from: number): number {
  const { reply } = run.pool[asker.ring[asker.first]];
  if (from + reply.length > bytes.length) return 0;
  for (let i = 0; i < reply.length; i++) if (bytes[from + i] !== reply[i]) return 0;
  return from + reply.length;
}

/** Enters the reply to the oldest request, right or wrong. */
function settle(
  run: Run,
  asker: Asker,
  right: boolean,
  bytes: Uint8Array,
  from: number,
  to: number,
  at: number,
): void {
  // Over UDP the reply may be another request's: found by its Id, which is its place in the pool.
  const ahead = right ? 0 : aheadBy(run, asker, bytes.subarray(from, to));
  const place = (asker.first + ahead) % asker.ring.length;
  const pooled = run.pool[asker.ring[place]];
  if (run.measuring) recordLatency(run.latency, at - asker.times[place]);
  if (ahead > 0) moveToFront(asker, ahead);
  asker.first = asker.first + 1 === asker.ring.length ? 0 : asker.first + 1;
  asker.count--;
  run.counts.replies++;
  if (!right && ahead === 0) {
    run.counts.wrong++;
    if (run.witnesses.length < WITNESSES)
      run.witnesses.push({
        connection: asker.member.index,
        request: pooled.text,
        expected: text(pooled.reply),
        got: text(bytes.subarray(from, to)),
      });
  }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 200)).toString("latin1").trimEnd();

/** How many outstanding requests before the one that this datagram is the right reply to; 0 for none. */
function aheadBy(run: Run, asker: Asker, datagram: Uint8Array): number {
  if (run.target.transport !== "udp") return 0;
  for (let ahead = 1; ahead < asker.count; ahead++) {
    const { reply } = run.pool[asker.ring[(asker.first + ahead) % asker.ring.length]];
    if (Buffer.compare(reply, datagram) === 0) return ahead;
  }
  return 0;
}

/** Brings an outstanding request to the front; those before it stay in their order. */
function moveToFront(asker: Asker, ahead: number): void {
  const size = asker.ring.length;
  const place = (asker.first + ahead) % size;
  const [request, time] = [asker.ring[place], asker.times[place]];
  for (let i = ahead; i > 0; i--) {
    const [to, from] = [(asker.first + i) % size, (asker.first + i - 1) % size];
    asker.ring[to] = asker.ring[from];
    asker.times[to] = asker.times[from];
  }
  asker.ring[asker.first] = request;
  asker.times[asker.first] = time;
}

/** Where the unit that stands here ends, whatever it says; -1 when it has not come whole. */
function unitEnd(target: Target, bytes: Uint8Array, from: number): number {
  if (target.transport === "udp") return bytes.length;
  if (target.transport === "tcp") return bytes.indexOf(10, from) + 1 || -1;
  if (bytes.length - from < 2) return -1;
  const short = bytes[from + 1] & 0x7f;
  if (short === 126 && bytes.length - from < 4) return -1;
  const end = from + (short < 126 ? 2 + short : 4 + ((bytes[from + 2] << 8) | bytes[from + 3]));
  return end > bytes.length ? -1 : end;
}

/** One request on each connection must be answered before anything is measured. */
async function firstReplies(run: Run, lost: () => { count: number; reason: string }): Promise<void> {
  const deadline = now() + ANSWER_SECONDS * 1e9;
  for (const asker of run.askers) ask(run, asker, now());
  while (run.counts.replies < run.askers.length) {
    if (lost().count > 0)
      throw new Unreachable(`${run.target.url}: ${lost().count} connections lost: ${lost().reason}`);
    if (now() > deadline)
      throw new Unreachable(
        `${run.target.url} took ${run.askers.length} connections but answered ${run.counts.replies} of ${run.askers.length} first requests within ${ANSWER_SECONDS} s`,
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
  const pid = exchange.fleet === 0 ? run.plan.serverPid : undefined;
  const until = async (at: number) => {
    while (now() < at && lost() === 0) await Bun.sleep(Math.max(1, Math.min(100, (at - now()) / 1e6)));
  };
  await until(start + run.plan.warmupSeconds * 1e9);
  const before = { meter: readMeter(pid), ...run.counts };
  run.measuring = true;
  await until(start + (run.plan.warmupSeconds + run.plan.seconds) * 1e9);
  run.measuring = false;
  return {
    used: usedBetween(before.meter, readMeter(pid), pid),
    sent: run.counts.sent - before.sent,
    replies: run.counts.replies - before.replies,
  };
}

function askClosed(run: Run, depth: number): void {
  run.asking = true;
  for (const asker of run.askers) askMany(run, asker, depth);
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
      send: (k, intended) => ask(run, run.askers[Math.floor((k % connections) / fleets)], intended),
      onLag(nanoseconds) {
        if (run.measuring) recordLatency(lag, nanoseconds);
      },
    },
    () => lost() > 0,
  );
  return { lag: encodeHistogram(lag), pace: result };
}

async function drain(run: Run, lost: () => number): Promise<void> {
  const begin = now();
  let replies = run.counts.replies;
  let last = begin;
  while (run.counts.replies < run.counts.sent && lost() < run.askers.length) {
    await Bun.sleep(5);
    const at = now();
    if (run.counts.replies !== replies) {
      replies = run.counts.replies;
      last = at;
    }
    if (at - last > run.plan.quietSeconds * 1e9 || at - begin > DRAIN_SECONDS * 1e9) return;
  }
}
