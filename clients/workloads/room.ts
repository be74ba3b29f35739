/**
 * The room workload: many members of one chat room or relay send, and every delivery to every one of them is
 * verified. Open loop for latency, closed loop for throughput (room-load.ts has both).
 */
import { now } from "../../platform/clock.ts";
import { readMeter, type Used, usedBetween } from "../../platform/meter.ts";
import { udpDrops } from "../../platform/proc.ts";
import { type ArrivalsReport, createArrivals } from "../arrivals.ts";
import { type Churned, churn } from "../churn.ts";
import type { Exchange } from "../exchange.ts";
import { createLedger, type Ledger, type Witness } from "../ledger.ts";
import { openMembers } from "../members.ts";
import type { Pace } from "../pacer.ts";
import { createReader, createReceiver, rollCallTag } from "../reader.ts";
import type { RoomPlan, Run } from "../room.ts";
import { allMessages, compose, offer, warmMessages } from "../room-load.ts";
import { plannedTarget } from "../target.ts";
import { Unreachable } from "../unreachable.ts";
import { roomWire } from "../wire.ts";

export type RoomReport = {
  workload: "room";
  counts: Ledger["counts"];
  witnesses: Witness[];
  /** Messages that the kernel took, and deliveries that they should have become at this fleet. */
  sent: number;
  expected: number;
  /** Offered, but not taken by the kernel when the run ended. */
  withheld: number;
  /** Windows that were given back without their message having come everywhere. */
  givenUp: number;
  connectionsLost: { count: number; reason: string };
  /** Of the measured time only; deliveries also by its halves. */
  measured: { used: Used; sent: number; delivered: number; firstHalf: number };
  /** Datagrams that the kernel dropped at this fleet's sockets. */
  dropped: number | undefined;
  churned?: Churned;
  /** `startOffset`: nanoseconds from the epoch to when this fleet's message 0 was due. */
  open?: ArrivalsReport & { lag: string; pace: Pace; startOffset: number };
};

const ROLL_CALL_SECONDS = 5;
const ROLL_CALL_EVERY_MS = 250;
const DRAIN_SECONDS = 10;
/** Between go and the first message, so that every fleet has heard go. */
const START_DELAY_NS = 20e6;

export const sum = (values: Int32Array): number => values.reduce((a, b) => a + b, 0);

export async function runRoom(plan: RoomPlan, exchange: Exchange): Promise<RoomReport> {
  const { load } = plan;
  const arrivals =
    load.loop === "open"
      ? createArrivals(load.senders, warmMessages(plan, load), allMessages(plan, load))
      : undefined;
  const run = await join(plan, exchange, arrivals?.arrived);
  try {
    await rollCall(run);
    const takenBefore = run.members.map((member) => member.taken());
    const start = (await go(run)) + START_DELAY_NS;
    const progress = setInterval(
      () => exchange.progress({ sent: sum(run.sent), delivered: run.ledger.counts.delivered }),
      250,
    );
    try {
      const [measured, open, churned] = await Promise.all([
        measure(run, start),
        offer(run, start),
        plan.churn && exchange.fleet === 0
          ? churn(run.target, plan.churn, start + plan.warmupSeconds * 1e9, plan.seconds)
          : undefined,
      ]);
      const { taken, expected } = await finish(run, takenBefore);
      return {
        workload: "room",
        counts: run.ledger.counts,
        witnesses: run.ledger.witnesses,
        sent: taken,
        expected,
        withheld: sum(run.sent) - taken,
        givenUp: run.windows?.givenUp() ?? 0,
        connectionsLost: run.lost,
        measured,
        ...(churned ? { churned } : {}),
        dropped:
          plan.protocol === "relay" ? udpDrops(new Set(run.members.map(({ port }) => port))) : undefined,
        ...(open && arrivals
          ? { open: { ...arrivals.report(), ...open, startOffset: start - plan.epoch } }
          : {}),
      };
    } finally {
      clearInterval(progress);
    }
  } finally {
    for (const member of run.members) member.close();
  }
}

/** Opens this fleet's members, and everything that takes what comes for them. */
async function join(
  plan: RoomPlan,
  exchange: Exchange,
  onLatency?: (sender: number, sequence: number, intended: number, at: number) => void,
): Promise<Run> {
  const target = plannedTarget(plan);
  const wire = roomWire(plan.protocol, plan.messageBytes);
  const count = Math.ceil((plan.connections - exchange.fleet) / exchange.fleets);
  const ledger = createLedger(count, plan.load.senders);
  let arrivedAt = 0;
  const reader = createReader({
    wire,
    messageBytes: plan.messageBytes,
    tag: plan.tag,
    onMessage(receiver, sender, sequence, time) {
      if (sender >= plan.load.senders || !ledger.enter(receiver, sender, sequence)) return;
      if (onLatency) onLatency(sender, sequence, time, arrivedAt);
      else run.windows?.arrived(sender, sequence);
    },
    onRollCall: (receiver) => void run.present.add(receiver),
    onGreeting(receiver, id) {
      run.ids[receiver] = id;
    },
    onFault: ledger.fault,
  });
  const run: Run = {
    plan,
    target,
    exchange,
    wire,
    members: [],
    ledger,
    reader,
    lost: { count: 0, reason: "" },
    wireBytes: wire.sendPrefix.length + plan.messageBytes + wire.sendSuffix.length,
    senderOf: (index) => index * exchange.fleets + exchange.fleet,
    sent: new Int32Array(count),
    present: new Set(),
    ids: new Int32Array(count),
    lastArrival: now(),
  };
  const receivers = Array.from({ length: count }, (_, index) => createReceiver(index));
  run.members = await openMembers(target, count, {
    onBytes(index, chunk) {
      run.lastArrival = now();
      arrivedAt = run.lastArrival - plan.epoch;
      reader.read(receivers[index], chunk);
    },
    onLost(_, reason) {
      run.lost.count++;
      run.lost.reason = reason;
    },
  });
  return run;
}

/**
 * Before anything is measured the first member speaks until every other has heard it: then all have joined,
 * over TCP and UDP alike. A target that takes connections and relays nothing ends here, in a bounded time.
 */
async function rollCall(run: Run): Promise<void> {
  const { members, plan, wire, target, lost, present, ids } = run;
  const out = new Uint8Array(run.wireBytes);
  const view = new DataView(out.buffer);
  const deadline = now() + ROLL_CALL_SECONDS * 1e9;
  const missing = () =>
    members.filter(({ index }) => (index > 0 && !present.has(index)) || (wire.greeting && ids[index] === 0));
  for (let call = 0; missing().length > 0; call++) {
    if (lost.count > 0)
      throw new Unreachable(`${target.url}: ${lost.count} connections lost: ${lost.reason}`);
    if (now() > deadline)
      throw new Unreachable(
        `${target.url} took ${members.length} members, but ${missing().length} of them heard nothing of the room within ${ROLL_CALL_SECONDS} s`,
      );
    // An empty datagram registers with a relay.
    if (wire.transport === "udp") for (const member of missing()) member.send(out, 0, 0);
    compose(run, out, view, 0, rollCallTag(plan.tag), run.senderOf(0), call, 0);
    members[0].send(out, 0, out.length);
    for (let waited = 0; waited < ROLL_CALL_EVERY_MS && missing().length > 0; waited += 5) await Bun.sleep(5);
  }
}

/** Tells how this fleet's members appear to others, and hears how the others' do; resolves with when it began. */
async function go(run: Run): Promise<number> {
  const { exchange, members, wire, plan, ids } = run;
  const prefixes = members.map(({ address, index }) =>
    wire.deliveryPrefix({ address, id: ids[index] }, plan.messageBytes),
  );
  const { at, introductions } = await exchange.ready({ prefixes });
  // Over a Unix socket a client has no address: what the server calls it is learnt from its first message.
  if (run.target.unix !== undefined) run.reader.learnPrefixes();
  else
    run.reader.expectPrefixes(
      Array.from(
        { length: plan.connections },
        (_, c) => introductions[c % exchange.fleets].prefixes[Math.floor(c / exchange.fleets)],
      ),
    );
  return at;
}

/** Reads the meters when the warm-up ends and when the measured time does. */
async function measure(run: Run, start: number): Promise<RoomReport["measured"]> {
  const { plan, ledger, lost } = run;
  const pids = run.exchange.fleet === 0 ? plan.serverPids : [];
  const until = async (seconds: number) => {
    const at = start + seconds * 1e9;
    while (now() < at && lost.count === 0) await Bun.sleep(Math.max(1, Math.min(100, (at - now()) / 1e6)));
  };
  await until(plan.warmupSeconds);
  const before = { meter: readMeter(pids), sent: sum(run.sent), delivered: ledger.counts.delivered };
  await until(plan.warmupSeconds + plan.seconds / 2);
  const middle = ledger.counts.delivered;
  await until(plan.warmupSeconds + plan.seconds);
  return {
    used: usedBetween(before.meter, readMeter(pids), pids),
    sent: sum(run.sent) - before.sent,
    delivered: ledger.counts.delivered - before.delivered,
    firstHalf: middle - before.delivered,
  };
}

/** After the last send: learns what all fleets sent, waits for it, and closes the ledger. */
async function finish(run: Run, takenBefore: number[]): Promise<{ taken: number; expected: number }> {
  const { members, exchange, plan, wire, ledger, wireBytes } = run;
  await settle(run);
  const taken = Int32Array.from(members, (member, i) =>
    Math.floor((member.taken() - takenBefore[i]) / wireBytes),
  );
  const all = await exchange.sent(taken);
  const { senders } = plan.load;
  const { fleets } = exchange;
  const bySender = Int32Array.from({ length: senders }, (_, s) => all[s % fleets][Math.floor(s / fleets)]);
  const hears = (receiver: number, sender: number) => wire.echoes || run.senderOf(receiver) !== sender;
  const own = wire.echoes ? 0 : sum(taken);
  const expected = sum(bySender) * members.length - own;
  await drain(run, expected);
  ledger.close(bySender, hears);
  return { taken: sum(taken), expected };
}

/** Waits, for a bounded time, until the kernel has taken what the members still hold. */
async function settle({ members, lost }: Run): Promise<void> {
  const deadline = now() + DRAIN_SECONDS * 1e9;
  while (members.some((member) => member.pending() > 0) && now() < deadline && lost.count === 0)
    await Bun.sleep(10);
}

/** Until all has come, or nothing has for the quiet time, or the bound is reached. */
async function drain(run: Run, expected: number): Promise<void> {
  const begin = now();
  while (run.ledger.counts.delivered < expected && run.lost.count < run.members.length) {
    const at = now();
    if (at > begin + DRAIN_SECONDS * 1e9) return;
    if (at - Math.max(begin, run.lastArrival) > run.plan.quietSeconds * 1e9) return;
    await Bun.sleep(5);
  }
}
