/**
 * The room workload: many members of one chat room or relay send, and every delivery to every one of them is
 * verified. Open loop for latency, closed loop for throughput.
 */
import { now } from "../../platform/clock.ts";
import { readMeter, type Used, usedBetween } from "../../platform/meter.ts";
import { writeMessage } from "../../protocols/stamp.ts";
import { type Arrivals, type ArrivalsReport, createArrivals } from "../arrivals.ts";
import { type Exchange, Unreachable } from "../exchange.ts";
import { createHistogram, encodeHistogram, recordLatency } from "../histogram.ts";
import { createLedger, type Ledger, type Witness } from "../ledger.ts";
import { type Member, openMembers } from "../members.ts";
import { type Pace, pace } from "../pacer.ts";
import { createReader, createReceiver, type Reader, rollCallTag } from "../reader.ts";
import { parseTarget, type Target } from "../target.ts";
import { createWindows, type Windows } from "../windows.ts";
import { type RoomProtocol, type RoomWire, roomWire } from "../wire.ts";

export type RoomPlan = {
  workload: "room";
  target: string;
  protocol: RoomProtocol;
  /** Whose CPU and memory are measured; undefined where the server's process is not known. */
  serverPid?: number | undefined;
  /** Members of the room, over all fleets. */
  connections: number;
  /** Bytes of a message, without what the protocol puts around it. */
  messageBytes: number;
  /** This run's messages: 16 bits. */
  tag: number;
  /** Where the messages' times count from: CLOCK_MONOTONIC nanoseconds. */
  epoch: number;
  warmupSeconds: number;
  /** Measured time. */
  seconds: number;
  load: { loop: "open"; rate: number; senders: number } | { loop: "closed"; window: number; senders: number };
  /** Draining ends when nothing has come for so long. */
  quietSeconds: number;
};

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
  /** Of the measured time only. */
  measured: { used: Used; sent: number; delivered: number };
  ports: number[];
  open?: ArrivalsReport & { lag: string; pace: Pace };
};

/** All that the parts of one run share. */
type Run = {
  plan: RoomPlan;
  exchange: Exchange;
  wire: RoomWire;
  members: Member[];
  ledger: Ledger;
  reader: Reader;
  lost: { count: number; reason: string };
  wireBytes: number;
  /** Number in the messages of a member of this fleet. */
  senderOf: (index: number) => number;
  /** Messages sent so far, by member of this fleet. */
  sent: Int32Array;
};

const ROLL_CALL_SECONDS = 5;
const ROLL_CALL_EVERY_MS = 250;
const DRAIN_SECONDS = 10;
/** Between go and the first message, so that every fleet has heard go. */
const START_DELAY_NS = 20e6;

export async function runRoom(plan: RoomPlan, exchange: Exchange): Promise<RoomReport> {
  const target = parseTarget(plan.target);
  if (!target) throw new Unreachable(`${plan.target} is no target`);
  const { fleet, fleets } = exchange;
  const wire = roomWire(plan.protocol);
  const count = Math.ceil((plan.connections - fleet) / fleets);
  const ledger = createLedger(count, plan.load.senders);
  const ids = new Int32Array(count);
  const present = new Set<number>();
  const lost = { count: 0, reason: "" };
  let arrivals: Arrivals | undefined;
  let windows: Windows | undefined;
  let arrivedAt = 0;
  let lastArrival = now();

  const reader = createReader({
    wire,
    messageBytes: plan.messageBytes,
    tag: plan.tag,
    onMessage(receiver, sender, sequence, time) {
      if (!ledger.enter(receiver, sender, sequence)) return;
      if (windows) windows.arrived(sender, sequence);
      else arrivals?.arrived(sender, sequence, time, arrivedAt);
    },
    onRollCall: (receiver) => void present.add(receiver),
    onGreeting(receiver, id) {
      ids[receiver] = id;
    },
    onFault: ledger.fault,
  });
  const receivers = Array.from({ length: count }, (_, index) => createReceiver(index));
  const members = await openMembers(target, count, {
    onBytes(index, chunk) {
      lastArrival = now();
      arrivedAt = lastArrival - plan.epoch;
      reader.read(receivers[index], chunk);
    },
    onLost(_, reason) {
      lost.count++;
      lost.reason = reason;
    },
  });
  const senderOf = (index: number) => index * fleets + fleet;
  const wireBytes = wire.sendPrefix.length + plan.messageBytes + wire.sendSuffix.length;
  const run: Run = {
    plan,
    exchange,
    wire,
    members,
    ledger,
    reader,
    lost,
    wireBytes,
    senderOf,
    sent: new Int32Array(count),
  };

  try {
    await rollCall(run, target, present, ids);
    const before = members.map((member) => member.taken());
    const prefixes = members.map((member, i) =>
      wire.deliveryPrefix({ address: member.address, id: ids[i] }, plan.messageBytes),
    );
    const go = await exchange.ready({ prefixes });
    reader.expectPrefixes(
      Array.from(
        { length: plan.connections },
        (_, c) => go.introductions[c % fleets].prefixes[Math.floor(c / fleets)],
      ),
    );
    const start = now() + START_DELAY_NS;
    const progress = setInterval(
      () => exchange.progress({ sent: sum(run.sent), delivered: ledger.counts.delivered }),
      250,
    );
    try {
      const measuring = measure(run, start);
      let open: Awaited<ReturnType<typeof offerOpen>> | undefined;
      if (plan.load.loop === "open") {
        arrivals = createArrivals(plan.load.senders, warmMessages(plan), allMessages(plan));
        open = await offerOpen(run, start);
      } else
        windows = await offerClosed(run, start, (made) => {
          windows = made;
        });
      const measured = await measuring;
      await settle(run);
      const taken = members.map((member, i) => Math.floor((member.taken() - before[i]) / wireBytes));
      const all = await exchange.sent(Int32Array.from(taken));
      const bySender = Int32Array.from(
        { length: plan.load.senders },
        (_, s) => all[s % fleets][Math.floor(s / fleets)],
      );
      const hears = (receiver: number, sender: number) => wire.echoes || senderOf(receiver) !== sender;
      const expected = expectedDeliveries(bySender, count, hears);
      await drain(run, expected, () => lastArrival);
      ledger.close(bySender, hears);
      return {
        workload: "room",
        counts: ledger.counts,
        witnesses: ledger.witnesses,
        sent: taken.reduce((a, b) => a + b, 0),
        expected,
        withheld: sum(run.sent) - taken.reduce((a, b) => a + b, 0),
        givenUp: windows?.givenUp() ?? 0,
        connectionsLost: lost,
        measured,
        ports: members.map((member) => member.port),
        ...(open && arrivals ? { open: { ...arrivals.report(), ...open } } : {}),
      };
    } finally {
      clearInterval(progress);
      windows?.stop();
    }
  } finally {
    for (const member of members) member.close();
  }
}

const sum = (values: Int32Array) => values.reduce((a, b) => a + b, 0);

function warmMessages({ load, warmupSeconds }: RoomPlan): number {
  return load.loop === "open" ? Math.round(load.rate * warmupSeconds) : 0;
}

function allMessages(plan: RoomPlan): number {
  return plan.load.loop === "open" ? warmMessages(plan) + Math.round(plan.load.rate * plan.seconds) : 0;
}

function expectedDeliveries(
  sent: Int32Array,
  receivers: number,
  hears: (receiver: number, sender: number) => boolean,
): number {
  let expected = 0;
  for (let sender = 0; sender < sent.length; sender++)
    for (let receiver = 0; receiver < receivers; receiver++)
      if (sent[sender] > 0 && hears(receiver, sender)) expected += sent[sender];
  return expected;
}

/** Puts one message and what the protocol wants around it at `at`. */
function compose(
  run: Run,
  out: Uint8Array,
  view: DataView,
  at: number,
  tag: number,
  sender: number,
  sequence: number,
  time: number,
): void {
  const { sendPrefix, sendSuffix } = run.wire;
  if (sendPrefix.length > 0) out.set(sendPrefix, at);
  const body = at + sendPrefix.length;
  writeMessage(view, body, run.plan.messageBytes, tag, sender, sequence, time);
  if (sendSuffix.length > 0) out.set(sendSuffix, body + run.plan.messageBytes);
}

/**
 * Before anything is measured the first member speaks until every other has heard it: then all have joined,
 * over TCP and UDP alike. A target that takes connections and relays nothing ends here, in a bounded time.
 */
async function rollCall(run: Run, target: Target, present: Set<number>, ids: Int32Array): Promise<void> {
  const { members, plan, wire } = run;
  const out = new Uint8Array(run.wireBytes);
  const view = new DataView(out.buffer);
  const deadline = now() + ROLL_CALL_SECONDS * 1e9;
  const missing = () =>
    members.filter((member, i) => (i > 0 && !present.has(i)) || (wire.greeting && ids[member.index] === 0));
  for (let call = 0; missing().length > 0; call++) {
    if (run.lost.count > 0)
      throw new Unreachable(`${target.url}: ${run.lost.count} connections lost: ${run.lost.reason}`);
    if (now() > deadline)
      throw new Unreachable(
        `${target.url} took ${members.length} members, but ${missing().length} of them heard nothing of the room within ${ROLL_CALL_SECONDS} s`,
      );
    // An empty datagram registers with a relay; over TCP it is nothing at all.
    if (wire.transport === "udp") for (const member of missing()) member.send(out, 0, 0);
    compose(run, out, view, 0, rollCallTag(plan.tag), run.senderOf(0), call, 0);
    members[0].send(out, 0, out.length);
    for (let waited = 0; waited < ROLL_CALL_EVERY_MS && missing().length > 0; waited += 5) await Bun.sleep(5);
  }
}

/** Reads the meters when the warm-up ends and when the measured time does. */
async function measure(run: Run, start: number): Promise<RoomReport["measured"]> {
  const { plan, ledger, lost, members } = run;
  const pid = run.exchange.fleet === 0 ? plan.serverPid : undefined;
  const until = async (at: number) => {
    while (now() < at && lost.count < members.length) await Bun.sleep(Math.min(100, (at - now()) / 1e6));
  };
  await until(start + plan.warmupSeconds * 1e9);
  const before = { meter: readMeter(pid), sent: sum(run.sent), delivered: ledger.counts.delivered };
  await until(start + (plan.warmupSeconds + plan.seconds) * 1e9);
  return {
    used: usedBetween(before.meter, readMeter(pid), pid),
    sent: sum(run.sent) - before.sent,
    delivered: ledger.counts.delivered - before.delivered,
  };
}

/** Offers the planned rate, message k by sender k mod senders. */
async function offerOpen(run: Run, start: number): Promise<{ lag: string; pace: Pace }> {
  const { plan, exchange, members, lost } = run;
  if (plan.load.loop !== "open") throw new Error("not an open loop");
  const { rate, senders } = plan.load;
  const { fleet, fleets } = exchange;
  const out = new Uint8Array(run.wireBytes);
  const view = new DataView(out.buffer);
  const lag = createHistogram();
  const warm = warmMessages(plan);
  let offered = 0;
  const result = await pace(
    {
      start,
      interval: 1e9 / rate,
      count: allMessages(plan),
      mine: (k) => (k % senders) % fleets === fleet,
      send(k, intended) {
        const sender = k % senders;
        const index = Math.floor(sender / fleets);
        compose(run, out, view, 0, plan.tag, sender, Math.floor(k / senders), intended - plan.epoch);
        if (!members[index].send(out, 0, out.length)) return false;
        run.sent[index]++;
        return true;
      },
      onLag(nanoseconds) {
        if (offered++ >= warm / fleets) recordLatency(lag, nanoseconds);
      },
    },
    () => lost.count > 0,
  );
  return { lag: encodeHistogram(lag), pace: result };
}

/** Keeps every sender's window full until the measured time is over. */
async function offerClosed(run: Run, start: number, onMade: (windows: Windows) => void): Promise<Windows> {
  const { plan, exchange, members, lost, wireBytes } = run;
  if (plan.load.loop !== "closed") throw new Error("not a closed loop");
  const { window, senders } = plan.load;
  const out = new Uint8Array(wireBytes * window);
  const view = new DataView(out.buffer);
  const windows = createWindows({
    senders: members.map((_, index) => run.senderOf(index)).filter((sender) => sender < senders),
    window,
    receivers: members.length - (run.wire.echoes ? 0 : 1),
    send(sender, sequence, count) {
      const index = Math.floor(sender / exchange.fleets);
      const time = now() - plan.epoch;
      for (let i = 0; i < count; i++)
        compose(run, out, view, i * wireBytes, plan.tag, sender, sequence + i, time);
      run.sent[index] += count;
      return sendMessages(run, members[index], out, count);
    },
  });
  onMade(windows);
  await Bun.sleep(Math.max(0, (start - now()) / 1e6));
  windows.start();
  const end = start + (plan.warmupSeconds + plan.seconds) * 1e9;
  while (now() < end && lost.count === 0) await Bun.sleep(Math.min(50, Math.max(1, (end - now()) / 1e6)));
  windows.stop();
  return windows;
}

/** A stream takes them in one write; each datagram is its own. */
function sendMessages(run: Run, member: Member, out: Uint8Array, count: number): boolean {
  if (run.wire.transport !== "udp") return member.send(out, 0, count * run.wireBytes);
  for (let i = 0; i < count; i++) member.send(out, i * run.wireBytes, (i + 1) * run.wireBytes);
  return true;
}

/** Waits, for a bounded time, until the kernel has taken what the members still hold. */
async function settle(run: Run): Promise<void> {
  const deadline = now() + DRAIN_SECONDS * 1e9;
  while (run.members.some((member) => member.pending() > 0) && now() < deadline && run.lost.count === 0)
    await Bun.sleep(10);
}

/** After the last send: until all has come, or nothing has for the quiet time, or the bound is reached. */
async function drain(run: Run, expected: number, lastArrival: () => number): Promise<void> {
  const { ledger, plan, lost, members } = run;
  const begin = now();
  while (ledger.counts.delivered < expected && lost.count < members.length) {
    const at = now();
    if (at > begin + DRAIN_SECONDS * 1e9) return;
    if (at - Math.max(begin, lastArrival()) > plan.quietSeconds * 1e9) return;
    await Bun.sleep(5);
  }
}
