/**
 * The room workload: many members of one chat room or relay send, and every delivery to every one of them is
 * verified. Open loop for latency, closed loop for throughput (room-load.ts has both); room-end.ts ends it.
 */
import { now } from "../../platform/clock.ts";
import { readMeter, type Used, usedBetween } from "../../platform/meter.ts";
import { udpDrops } from "../../platform/proc.ts";
import { stamp } from "../../protocols/stamp.ts";
import { type ArrivalsReport, createArrivals } from "../arrivals.ts";
import { type Churned, churn } from "../churn.ts";
import { plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { createLedger, type Ledger, type Witness } from "../ledger.ts";
import { openMembers } from "../members.ts";
import type { Pace } from "../pacer.ts";
import { createReader, createReceiver, marks, markTag } from "../reader.ts";
import type { ConnectionsLost, Offered, RoomPlan, RoomRun } from "../room.ts";
import { finish } from "../room-end.ts";
import { allMessages, compose, driveLoad, warmMessages } from "../room-load.ts";
import { Unreachable } from "../unreachable.ts";
import { answerControl, roomWire } from "../wire.ts";

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
  connectionsLost: ConnectionsLost;
  offered: Offered;
  /** Of the measured time only; deliveries also by its halves. `silence`: the longest time without any, ns. */
  measured: { used: Used; sent: number; delivered: number; firstHalf: number; silence: number };
  /** Datagrams that the kernel dropped at this fleet's sockets. */
  dropped: number | undefined;
  churned?: Churned;
  /** `startOffset`: nanoseconds from the epoch to when this fleet's message 0 was due. */
  open?: ArrivalsReport & { lag: string; pace: Pace; startOffset: number };
};

const ROLL_CALL_SECONDS = 5;
const ROLL_CALL_EVERY_MS = 250;
/** Between go and the first message, so that every fleet has heard go. */
const START_DELAY_NS = 20e6;
/** How often it is noted what has been offered; and bounds of what a report holds of that, and of lost connections. */
const OFFERED_EVERY_MS = 20;
const MAX_OFFERED = 100_000;
const MAX_LOST_TOLD = 1000;
/** Before anything has been said, a room may tell each member of each other one, and this much more. */
const NOTICE_BYTES = 128;
const UNASKED_BYTES = 16 * 1_048_576;

function sum(values: Int32Array | Float64Array): number {
  let all = 0;
  for (const value of values) all += value;
  return all;
}

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
    const offered = setInterval(() => noteOffered(run), OFFERED_EVERY_MS);
    try {
      const [measured, open, churned] = await Promise.all([
        measure(run, start),
        driveLoad(run, start),
        plan.churn && exchange.fleet === 0
          ? churn(run.target, plan.churn, start + plan.warmupSeconds * 1e9, plan.seconds)
          : undefined,
      ]);
      noteOffered(run);
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
        offered: run.offered,
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
      clearInterval(offered);
    }
  } finally {
    for (const member of run.members) member.close();
  }
}

function noteOffered({ offered, sent }: RoomRun): void {
  if (offered.length < MAX_OFFERED) offered.push({ at: now(), messages: sum(sent) });
}

/** Opens this fleet's members, and everything that takes what comes for them. */
async function join(
  plan: RoomPlan,
  exchange: Exchange,
  onLatency?: (sender: number, sequence: number, intended: number, at: number) => void,
): Promise<RoomRun> {
  const target = plannedEndpoint(plan);
  const wire = roomWire(plan.protocol, plan.messageBytes);
  const { senders } = plan.load;
  const count = Math.ceil((plan.connections - exchange.fleet) / exchange.fleets);
  const senderOf = (index: number) => index * exchange.fleets + exchange.fleet;
  const ledger = createLedger({
    receivers: count,
    senders,
    hears: (receiver, sender) => wire.echoes || senderOf(receiver) !== sender,
    onPassedOver: (sender, sequence) => run.windows?.arrived(sender, sequence),
  });
  let arrivedAt = 0;
  const reader = createReader({
    wire,
    messageBytes: plan.messageBytes,
    tag: plan.tag,
    onMessage(receiver, sender, sequence, time) {
      if (sender >= senders || !ledger.enter(receiver, sender, sequence)) return;
      if (onLatency) onLatency(sender, sequence, time, arrivedAt);
      else run.windows?.arrived(sender, sequence);
    },
    onMark(receiver, sender, mark) {
      if (mark === marks.end) ledger.end(receiver, sender);
      else run.present.add(receiver);
    },
    onGreeting(receiver, id) {
      run.ids[receiver] = id;
    },
    onControl: (receiver, frame) => answerControl(run.members[receiver], frame),
    onCorrupt: ledger.corrupt,
    onUnexpected: ledger.unexpected,
  });
  const run: RoomRun = {
    plan,
    target,
    exchange,
    wire,
    members: [],
    ledger,
    reader,
    lost: { count: 0, reason: "", each: [] },
    wireBytes: wire.sendPrefix.length + plan.messageBytes + wire.sendSuffix.length,
    senderOf,
    sent: new Int32Array(count),
    offered: [],
    present: new Set(),
    ids: new Int32Array(count),
    received: new Float64Array(count),
    readAt: new Float64Array(count),
    saidAt: new Float64Array(count),
    lastArrival: now(),
    longestSilence: 0,
  };
  const receivers = Array.from({ length: count }, (_, index) => createReceiver(index));
  run.members = await openMembers(target, count, {
    onBytes(index, chunk) {
      const at = now();
      if (at - run.lastArrival > run.longestSilence) run.longestSilence = at - run.lastArrival;
      run.lastArrival = at;
      run.received[index] += chunk.length;
      arrivedAt = at - plan.epoch;
      reader.read(receivers[index], chunk);
      run.readAt[index] = at;
      // Of the message that was looked at last.
      run.saidAt[index] = plan.epoch + stamp.time;
    },
    onLost(index, reason) {
      run.lost.count++;
      run.lost.reason = reason;
      if (run.lost.each.length < MAX_LOST_TOLD)
        run.lost.each.push({
          at: now(),
          received: run.received[index],
          said: run.saidAt[index],
          read: run.readAt[index],
        });
    },
  });
  return run;
}

/**
 * Before anything is measured the first member speaks until every other has heard it: then all have joined,
 * over TCP and UDP alike. A target that takes connections and relays nothing ends here, in a bounded time; one
 * that talks without being asked, after a bounded number of bytes.
 */
async function rollCall(run: RoomRun): Promise<void> {
  const { members, plan, wire, target, lost, present, ids } = run;
  const out = new Uint8Array(run.wireBytes);
  const view = new DataView(out.buffer);
  const deadline = now() + ROLL_CALL_SECONDS * 1e9;
  const mostUnasked = UNASKED_BYTES + plan.connections ** 2 * NOTICE_BYTES;
  const missing = () =>
    members.filter(({ index }) => (index > 0 && !present.has(index)) || (wire.greeting && ids[index] === 0));
  for (let call = 0; missing().length > 0; call++) {
    if (lost.count > 0)
      throw new Unreachable(`${target.url}: ${lost.count} connections lost: ${lost.reason}`);
    if (sum(run.received) > mostUnasked)
      throw new Unreachable(
        `${target.url} sent ${Math.round(sum(run.received) / 1_048_576)} MiB to ${members.length} members of whom nobody had spoken`,
      );
    if (now() > deadline)
      throw new Unreachable(
        `${target.url} took ${members.length} members, but ${missing().length} of them heard nothing of the room within ${ROLL_CALL_SECONDS} s`,
      );
    // An empty datagram registers with a relay.
    if (wire.transport === "udp") for (const member of missing()) member.send(out, 0, 0);
    compose(run, out, view, 0, markTag(plan.tag), run.senderOf(0), call, marks.rollCall);
    members[0].send(out, 0, out.length);
    for (let waited = 0; waited < ROLL_CALL_EVERY_MS && missing().length > 0; waited += 5) await Bun.sleep(5);
  }
  run.received.fill(0);
}

/** Tells how this fleet's members appear to others, and hears how the others' do; resolves with when it began. */
async function go(run: RoomRun): Promise<number> {
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
async function measure(run: RoomRun, start: number): Promise<RoomReport["measured"]> {
  const { plan, ledger, lost } = run;
  const pids = run.exchange.fleet === 0 ? plan.serverPids : [];
  const until = async (seconds: number) => {
    const at = start + seconds * 1e9;
    while (now() < at && lost.count === 0) await Bun.sleep(Math.max(1, Math.min(100, (at - now()) / 1e6)));
  };
  await until(plan.warmupSeconds);
  const before = { meter: readMeter(pids), sent: sum(run.sent), delivered: ledger.counts.delivered };
  run.longestSilence = 0;
  run.lastArrival = now();
  await until(plan.warmupSeconds + plan.seconds / 2);
  const middle = ledger.counts.delivered;
  await until(plan.warmupSeconds + plan.seconds);
  return {
    used: usedBetween(before.meter, readMeter(pids), pids),
    sent: sum(run.sent) - before.sent,
    delivered: ledger.counts.delivered - before.delivered,
    firstHalf: middle - before.delivered,
    silence: Math.max(run.longestSilence, now() - run.lastArrival),
  };
}
