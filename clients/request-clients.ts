/**
 * What asks for sums: connections with a ring of requests in flight each. Every reply is compared byte for byte
 * with the right one for the oldest request. No two requests in flight have the same reply, so that one which is
 * not that tells what happened: those before it were not answered, or it came late, or twice, or is wrong.
 */
import { now } from "../platform/clock.ts";
import { payloadOf } from "../protocols/define.ts";
import { FramingFault, ignore } from "../protocols/framing.ts";
import type { PooledRequest, Requests } from "../protocols/protocol.ts";
import { type Histogram, recordLatency } from "./histogram.ts";
import type { Member } from "./members.ts";
import { nextDepth } from "./windows.ts";

/**
 * `sent = replies + missing + unanswered`. Missing: a later request on the connection was answered. Unanswered: none
 * was, so that it may only be late. `late`: right replies to datagrams that had been given up; they are missing too.
 */
export type SumCounts = {
  sent: number;
  replies: number;
  wrong: number;
  missing: number;
  unanswered: number;
  duplicated: number;
  reordered: number;
  unexpected: number;
  late: number;
};

export const emptyCounts = (): SumCounts => ({
  sent: 0,
  replies: 0,
  wrong: 0,
  missing: 0,
  unanswered: 0,
  duplicated: 0,
  reordered: 0,
  unexpected: 0,
  late: 0,
});

/** One fault in full. A request that was not answered has no `got`, a reply that nobody asked for no `request`. */
export type SumWitness = {
  kind: "wrong" | "missing" | "duplicated" | "reordered" | "unexpected";
  connection: number;
  request?: string;
  expected?: string;
  got?: string;
};

const WITNESSES_PER_KIND = 5;
/** A datagram that has not been answered after so long is not waited for. */
export const GIVE_UP_NS = 250e6;
/** Bytes of a reply that has no end: more than any right one has. */
const MAX_REPLY_BYTES = 65_536;
/** Requests that were passed over and may still be answered, late, of one connection. */
const MAX_PASSED_OVER = 4096;

/** One connection's requests in flight: a ring of places in the pool and of the times they count from. */
export type RequestClient = {
  member: Member;
  next: number;
  ring: Int32Array;
  times: Float64Array;
  first: number;
  count: number;
  /** Its first place in the pool, and how many requests it has asked. */
  readonly begin: number;
  asked: number;
  /** Closed loop: how many requests may be in flight by now, and since when; it begins with one (`nextDepth`). */
  allowed: number;
  since: number;
  /** Places of requests that were passed over by the reply to a later one. */
  passedOver: Set<number>;
  carry: Uint8Array;
  /** What comes cannot be read on. */
  broken: boolean;
};

/** All that the clients of one run share. */
export type SumRun = {
  requests: Omit<Requests, "at">;
  pool: PooledRequest[];
  counts: SumCounts;
  witnesses: SumWitness[];
  latency: Histogram;
  /** Whether round trips are recorded now. */
  measuring: boolean;
  /** Whether a reply makes room for the next request (closed loop). */
  asking: boolean;
  clients: RequestClient[];
  /** When the last reply came, and the longest time without one, nanoseconds. */
  lastReply: number;
  longestSilence: number;
  /** Closed loop: most requests in flight on each connection, where that is fewer than there is room for. */
  limit?: number;
  /** Why a stream could not be read on, where that is not held against the server. */
  unreadable?: string;
  /** Where the requests of one write are put together. */
  batch: Uint8Array;
};

/** @param depth most requests in flight; there is room for one more, which closes the connection's questions */
export function createRequestClient(member: Member, depth: number, next: number): RequestClient {
  return {
    member,
    next,
    begin: next,
    asked: 0,
    ring: new Int32Array(depth + 1),
    times: new Float64Array(depth + 1),
    first: 0,
    count: 0,
    allowed: 1,
    since: 0,
    passedOver: new Set(),
    carry: EMPTY,
    broken: false,
  };
}

const EMPTY = new Uint8Array(0);

/** Asks the next request of the pool; false when the connection can take no more. */
export function ask(run: SumRun, client: RequestClient, time: number): boolean {
  const { bytes } = run.pool[client.next];
  if (client.count === client.ring.length || !client.member.send(bytes, 0, bytes.length)) return false;
  enter(run, client, time);
  return true;
}

/** Closed loop: asks as much as there is room for, by one write; each datagram is its own. */
export function askAll(run: SumRun, client: RequestClient): void {
  const time = now();
  if (client.since === 0) client.since = time;
  client.allowed = Math.min(client.allowed, run.limit ?? client.allowed);
  const count = client.allowed - client.count;
  if (count <= 1 || run.requests.framing.transport === "udp") {
    for (let i = 0; i < count; i++) ask(run, client, time);
    return;
  }
  let length = 0;
  for (let i = 0; i < count; i++) {
    const { bytes } = run.pool[client.next];
    if (length + bytes.length > run.batch.length) {
      client.member.send(run.batch, 0, length);
      length = 0;
    }
    run.batch.set(bytes, length);
    length += bytes.length;
    enter(run, client, time);
  }
  client.member.send(run.batch, 0, length);
}

/** Notes a request that has been handed over as in flight. */
function enter(run: SumRun, client: RequestClient, time: number): void {
  const slot = (client.first + client.count++) % client.ring.length;
  client.ring[slot] = client.next;
  client.times[slot] = time;
  client.next = client.next + 1 === run.pool.length ? 0 : client.next + 1;
  client.asked++;
  run.counts.sent++;
}

/** Takes what has come: each reply is compared with the one that the oldest request in flight asks for. */
export function receive(run: SumRun, client: RequestClient, chunk: Uint8Array): void {
  const at = now();
  if (client.broken) return;
  if (at - run.lastReply > run.longestSilence) run.longestSilence = at - run.lastReply;
  run.lastReply = at;
  const bytes = client.carry.length === 0 ? chunk : Buffer.concat([client.carry, chunk]);
  const repliesBefore = run.counts.replies;
  const from = readReplies(run, client, bytes, at);
  client.carry = from === bytes.length ? EMPTY : bytes.slice(from);
  if (client.carry.length > MAX_REPLY_BYTES)
    giveUpReading(run, client, `over ${MAX_REPLY_BYTES} bytes without an end`);
  const replies = run.counts.replies - repliesBefore;
  if (!run.asking || replies === 0) return;
  const depth = Math.min(client.ring.length - 1, run.limit ?? client.ring.length);
  if (client.allowed < depth) {
    if (client.count > 0) return;
    client.allowed = nextDepth(client.allowed, depth, at - client.since);
    client.since = at;
  }
  askAll(run, client);
}

/** Takes each whole unit; returns where what is left begins. */
function readReplies(run: SumRun, client: RequestClient, bytes: Uint8Array, at: number): number {
  const { framing, essence } = run.requests;
  let from = 0;
  try {
    while (from < bytes.length && !client.broken) {
      const end = client.count > 0 && !essence ? expectedEnd(run, client, bytes, from) : 0;
      const to = end > 0 ? end : framing.end(bytes, from, bytes.length);
      if (to < 0 || to > bytes.length) break;
      if (end > 0) settle(run, client, at);
      else explain(run, client, bytes, from, to, at);
      from = to;
    }
  } catch (error) {
    client.carry = bytes.slice(from);
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof FramingFault && !error.unsupported) giveUpReading(run, client, reason);
    else {
      client.broken = true;
      run.unreadable ??= `${reason}: ${JSON.stringify(text(client.carry))}`;
    }
    return bytes.length;
  }
  return from;
}

/** Where the right reply to the oldest request ends, if it stands here whole; 0 if not. */
function expectedEnd(run: SumRun, client: RequestClient, bytes: Uint8Array, from: number): number {
  const { reply } = run.pool[client.ring[client.first]];
  if (from + reply.length > bytes.length) return 0;
  for (let i = 0; i < reply.length; i++) if (bytes[from + i] !== reply[i]) return 0;
  return from + reply.length;
}

/** The oldest request has its reply. */
function settle(run: SumRun, client: RequestClient, at: number): void {
  if (run.measuring) recordLatency(run.latency, at - client.times[client.first]);
  dropOldest(client);
  run.counts.replies++;
}

function dropOldest(client: RequestClient): number {
  const place = client.ring[client.first];
  client.first = client.first + 1 === client.ring.length ? 0 : client.first + 1;
  client.count--;
  return place;
}

/** A unit that is not, as it stands, the right reply to the oldest request: what it is, once. */
function explain(
  run: SumRun,
  client: RequestClient,
  bytes: Uint8Array,
  from: number,
  to: number,
  at: number,
): void {
  const { framing, react, essence, named } = run.requests;
  const answer = react(bytes, from, to, "client");
  if (answer === ignore) return;
  if (answer) return void client.member.send(answer, 0, answer.length);
  const payload = payloadOf(framing, bytes, from, to);
  const unit = essence ? (essence(payload) ?? payload) : bytes.subarray(from, to);
  const ahead = aheadBy(run, client, unit);
  if (ahead >= 0) {
    if (named) moveToFront(client, ahead);
    else for (let i = 0; i < ahead; i++) passOver(run, client);
    settle(run, client, at);
    return;
  }
  const got = text(payload);
  const place = run.pool.findIndex(({ reply }) => Buffer.compare(reply, unit) === 0);
  if (place >= 0 && client.passedOver.delete(place)) {
    run.counts.missing--;
    run.counts.replies++;
    note(run, client, "reordered", { request: run.pool[place].text, got });
  } else if (place >= 0 && named) run.counts.late++;
  else if (place >= 0 && wasAsked(run, client, place))
    note(run, client, "duplicated", { request: run.pool[place].text, got });
  else if (client.count === 0) note(run, client, "unexpected", { got });
  else {
    const { text: request, reply } = run.pool[client.ring[client.first]];
    const expected = essence ? request : text(payloadOf(framing, reply, 0, reply.length));
    settle(run, client, at);
    note(run, client, "wrong", { request, expected, got });
  }
}

/** The oldest request has not been answered, but a later one has. */
function passOver(run: SumRun, client: RequestClient): void {
  const place = dropOldest(client);
  if (client.passedOver.size < MAX_PASSED_OVER) client.passedOver.add(place);
  note(run, client, "missing", { request: run.pool[place].text });
}

/** Whether this connection has asked the pool's request at `place`; of those in flight none is looked for here. */
function wasAsked({ pool }: SumRun, { begin, asked }: RequestClient, place: number): boolean {
  return (place - begin + pool.length) % pool.length < asked;
}

function note(
  run: SumRun,
  { member }: RequestClient,
  kind: SumWitness["kind"],
  what: Omit<SumWitness, "kind" | "connection">,
): void {
  run.counts[kind]++;
  if (run.counts[kind] <= WITNESSES_PER_KIND) run.witnesses.push({ kind, connection: member.index, ...what });
}

/** What cannot be a reply: nothing more of this connection is read. */
function giveUpReading(run: SumRun, client: RequestClient, why: string): void {
  note(run, client, "unexpected", { got: `${text(client.carry)}… (${why})` });
  client.carry = EMPTY;
  client.broken = true;
  client.member.reset();
}

/** A lost datagram would hold its place for ever: after a while it is given up, and stays missing. */
export function giveUp(run: SumRun): void {
  const limit = now() - GIVE_UP_NS;
  for (const client of run.clients)
    while (client.count > 0 && client.times[client.first] < limit) {
      dropOldest(client);
      run.counts.missing++;
      if (run.asking) ask(run, client, now());
    }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 200)).toString("latin1").trimEnd();

/** How many requests in flight before the one that this unit is the right reply to; -1 for none. */
function aheadBy(run: SumRun, client: RequestClient, unit: Uint8Array): number {
  for (let ahead = 0; ahead < client.count; ahead++) {
    const { reply } = run.pool[client.ring[(client.first + ahead) % client.ring.length]];
    if (Buffer.compare(reply, unit) === 0) return ahead;
  }
  return -1;
}

/** Brings a request in flight to the front; those before it stay in their order. */
function moveToFront(client: RequestClient, ahead: number): void {
  const size = client.ring.length;
  const place = (client.first + ahead) % size;
  const [request, time] = [client.ring[place], client.times[place]];
  for (let i = ahead; i > 0; i--) {
    const [to, from] = [(client.first + i) % size, (client.first + i - 1) % size];
    client.ring[to] = client.ring[from];
    client.times[to] = client.times[from];
  }
  client.ring[client.first] = request;
  client.times[client.first] = time;
}
