/**
 * What asks for sums: connections with a ring of outstanding requests each. Every reply is compared byte for
 * byte with the right one for the oldest request; over UDP, where replies may come in any order or not at all,
 * with the one that its Id names.
 */
import { now } from "../platform/clock.ts";
import { type Histogram, recordLatency } from "./histogram.ts";
import type { Member } from "./members.ts";
import type { PooledRequest } from "./requests.ts";
import type { Target } from "./target.ts";

/** `late`: right replies to datagrams that had been given up; they count as missing too. */
export type SumCounts = {
  sent: number;
  replies: number;
  wrong: number;
  missing: number;
  unexpected: number;
  late: number;
};

/** A wrong reply, in full. */
export type SumWitness = { connection: number; request: string; expected: string; got: string };

const WITNESSES = 5;
/** A datagram that has not been answered after so long is not waited for. */
export const GIVE_UP_NS = 250e6;

/** One connection's outstanding requests: a ring of places in the pool and of the times they count from. */
export type Asker = {
  member: Member;
  next: number;
  ring: Int32Array;
  times: Float64Array;
  first: number;
  count: number;
  carry: Uint8Array;
};

/** All that the askers of one run share. */
export type SumRun = {
  target: Target;
  pool: PooledRequest[];
  counts: SumCounts;
  witnesses: SumWitness[];
  latency: Histogram;
  /** Whether round trips are recorded now. */
  measuring: boolean;
  /** Whether a reply makes room for the next request (closed loop). */
  asking: boolean;
  askers: Asker[];
  /** Where the requests of one write are put together. */
  batch: Uint8Array;
};

export function createAsker(member: Member, depth: number, next: number): Asker {
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
export function ask(run: SumRun, asker: Asker, time: number): boolean {
  const { bytes } = run.pool[asker.next];
  if (asker.count === asker.ring.length || !asker.member.send(bytes, 0, bytes.length)) return false;
  enter(run, asker, time);
  return true;
}

/** Asks so many requests by one write; each datagram is its own. */
export function askMany(run: SumRun, asker: Asker, count: number): void {
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
function enter(run: SumRun, asker: Asker, time: number): void {
  const slot = (asker.first + asker.count++) % asker.ring.length;
  asker.ring[slot] = asker.next;
  asker.times[slot] = time;
  asker.next = asker.next + 1 === run.pool.length ? 0 : asker.next + 1;
  run.counts.sent++;
}

/** Takes what has come: each reply is compared with the one that the oldest outstanding request asks for. */
export function receive(run: SumRun, asker: Asker, chunk: Uint8Array): void {
  const at = now();
  const bytes = asker.carry.length === 0 ? chunk : Buffer.concat([asker.carry, chunk]);
  const repliesBefore = run.counts.replies;
  let from = 0;
  while (from < bytes.length) {
    const end = asker.count > 0 ? expectedEnd(run, asker, bytes, from) : 0;
    const to = end > 0 ? end : unitEnd(run.target, bytes, from);
    if (to < 0) break;
    if (end === 0 && isLate(run, asker, bytes.subarray(from, to))) run.counts.late++;
    else if (asker.count === 0) run.counts.unexpected++;
    else settle(run, asker, end > 0, bytes, from, to, at);
    from = to;
  }
  asker.carry = from === bytes.length ? EMPTY : bytes.slice(from);
  const replies = run.counts.replies - repliesBefore;
  if (run.asking && replies > 0) askMany(run, asker, replies);
}

const EMPTY = new Uint8Array(0);

/** Where the right reply to the oldest request ends, if it stands here whole; 0 if not. */
function expectedEnd(run: SumRun, asker: Asker, bytes: Uint8Array, from: number): number {
  const { reply } = run.pool[asker.ring[asker.first]];
  if (from + reply.length > bytes.length) return 0;
  for (let i = 0; i < reply.length; i++) if (bytes[from + i] !== reply[i]) return 0;
  return from + reply.length;
}

/** Enters the reply to the oldest request, right or wrong. */
function settle(
  run: SumRun,
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
        expected: text(payloadOf(run.target, pooled.reply)),
        got: text(payloadOf(run.target, bytes.subarray(from, to))),
      });
  }
}

/** Whether a datagram is the right reply to a request of the pool that is not outstanding: it was given up. */
function isLate(run: SumRun, asker: Asker, datagram: Uint8Array): boolean {
  if (run.target.transport !== "udp" || aheadBy(run, asker, datagram) > 0) return false;
  return run.pool.some(({ reply }) => Buffer.compare(reply, datagram) === 0);
}

/** A lost datagram would hold its place for ever: after a while it is given up, and stays missing. */
export function giveUp(run: SumRun): void {
  const limit = now() - GIVE_UP_NS;
  for (const asker of run.askers)
    while (asker.count > 0 && asker.times[asker.first] < limit) {
      asker.first = asker.first + 1 === asker.ring.length ? 0 : asker.first + 1;
      asker.count--;
      if (run.asking) ask(run, asker, now());
    }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 200)).toString("latin1").trimEnd();

/** How many outstanding requests before the one that this datagram is the right reply to; 0 for none. */
function aheadBy(run: SumRun, asker: Asker, datagram: Uint8Array): number {
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
/** What a unit says: of a WebSocket frame, what stands behind its header. */
const payloadOf = ({ transport }: Target, unit: Uint8Array): Uint8Array =>
  transport === "ws" ? unit.subarray((unit[1] & 0x7f) < 126 ? 2 : 4) : unit;

function unitEnd(target: Target, bytes: Uint8Array, from: number): number {
  if (target.transport === "udp") return bytes.length;
  if (target.transport === "tcp") return bytes.indexOf(10, from) + 1 || -1;
  if (bytes.length - from < 2) return -1;
  const short = bytes[from + 1] & 0x7f;
  if (short === 126 && bytes.length - from < 4) return -1;
  const end = from + (short < 126 ? 2 + short : 4 + ((bytes[from + 2] << 8) | bytes[from + 3]));
  return end > bytes.length ? -1 : end;
}
