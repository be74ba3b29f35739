/**
 * How a fleet enters a room: its members connect, are known to be in by a roll call, and learn by what prefix each
 * sender is known. From then on every delivery is verified as it comes.
 */
import { createBulkRead } from "../platform/bulk-read.ts";
import { now } from "../platform/clock.ts";
import { capabilityOf, protocolOf } from "../protocols/index.ts";
import { markTag, stamp } from "../protocols/stamp.ts";
import { plannedEndpoint } from "./endpoint.ts";
import type { Exchange } from "./exchange.ts";
import { fileTables } from "./full-table.ts";
import { joining, topicOf } from "./joining.ts";
import { createLedger } from "./ledger.ts";
import { type Member, type MemberHandlers, openMembers } from "./members.ts";
import { createReader, createReceiver, marks } from "./reader.ts";
import { type RoomPlan, type RoomRun, total } from "./room.ts";
import { compose } from "./room-load.ts";
import { Unreachable } from "./unreachable.ts";

const ROLL_CALL_SECONDS = 5;
const ROLL_CALL_EVERY_MS = 250;
/** Before anything has been said, a room may tell each member of each other one, and this much more. */
const NOTICE_BYTES = 128;
const UNASKED_BYTES = 16 * 1_048_576;
const MAX_LOST_TOLD = 1000;
/** A read that brings so much is likely to be one of many: then the other members are read beside Bun. */
const BULK_BYTES = 16_384;

/** Opens this fleet's members, and everything that takes what comes for them. */
export async function joinRoom(
  plan: RoomPlan,
  exchange: Exchange,
  onLatency?: (sender: number, sequence: number, intended: number, at: number) => void,
): Promise<RoomRun> {
  const target = plannedEndpoint(plan);
  const protocol = protocolOf(plan.protocol);
  const topic = topicOf(plan.tag, plan.epoch);
  const wire = capabilityOf(plan.protocol, "room")(plan.messageBytes, topic);
  const { promises } = wire;
  const { senders } = plan.load;
  const count = Math.ceil((plan.connections - exchange.fleet) / exchange.fleets);
  const senderOf = (index: number) => index * exchange.fleets + exchange.fleet;
  const ledger = createLedger({
    receivers: count,
    senders,
    // What may be lost is taken for it as soon as it has been overtaken.
    ordered: promises.ordered !== false || promises.mayLose,
    hears: (receiver, sender) => promises.echoesToSender || senderOf(receiver) !== sender,
    onPassedOver: (sender, sequence) => run.windows?.arrived(sender, sequence),
  });
  let arrivedAt = 0;
  const reader = createReader({
    wire,
    messageBytes: plan.messageBytes,
    tag: plan.tag,
    // Whoever acknowledges has to see each delivery.
    alone: wire.acknowledge !== undefined,
    onMessage(receiver, sender, sequence, time) {
      if (sender >= senders || !ledger.enter(receiver, sender, sequence)) return;
      if (onLatency) onLatency(sender, sequence, time, arrivedAt);
      else run.windows?.arrived(sender, sequence);
    },
    onMark(receiver, sender, mark) {
      if (mark === marks.end) ledger.end(receiver, sender);
      else run.present.add(receiver);
    },
    answer: (_, bytes) => void answers.push(bytes),
    onUnreadable(reason) {
      run.unreadable ??= reason;
    },
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
    visit: joining({
      protocol,
      topic,
      role: "member",
      speaks: () => false,
      number: (visit) => plan.connections + visit,
    }),
    sent: new Int32Array(count),
    offered: [],
    present: new Set(),
    received: new Float64Array(count),
    readAt: new Float64Array(count),
    saidAt: new Float64Array(count),
    lastArrival: now(),
    longestSilence: 0,
  };
  const receivers = Array.from({ length: count }, (_, index) => createReceiver(index));
  const hearing: Member[] = [];
  /** To what has been read at once: one write for all of them. */
  const answers: Uint8Array[] = [];
  const enter = joining({
    protocol,
    topic,
    role: "member",
    speaks: (index) => index === 0 || senderOf(index) < senders,
    number: senderOf,
    onHearing(index, connection) {
      hearing[index] = connection;
    },
    onStray: (receiver, unit) =>
      ledger.unexpected(receiver, { text: Buffer.from(unit).toString("latin1", 0, 240) }),
  });
  /** Notes that bytes have come for a member, and has them read. */
  function take(index: number, bytes: number, read: () => void): void {
    const at = now();
    if (at - run.lastArrival > run.longestSilence) run.longestSilence = at - run.lastArrival;
    run.lastArrival = at;
    run.received[index] += bytes;
    arrivedAt = at - plan.epoch;
    read();
    run.readAt[index] = at;
    // Of the message that was looked at last.
    run.saidAt[index] = plan.epoch + stamp.time;
  }
  const handlers: MemberHandlers = {
    onBytes(index, chunk) {
      take(index, chunk.length, () => reader.read(receivers[index], chunk));
      if (answers.length > 0) {
        const all = answers.splice(0);
        for (const one of wire.framing.transport === "udp" ? all : [Buffer.concat(all)])
          hearing[index]?.send(one, 0, one.length);
      }
      if (chunk.length >= BULK_BYTES) run.bulk?.sweep();
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
  };
  run.members = await openMembers(target, count, handlers, enter);
  const fds = run.members.map(({ fd }) => fd);
  const placeFor = (index: number) => reader.begin(receivers[index]);
  const bulk = createBulkRead(fds, reader.buffer, placeFor, (index, bytes) =>
    take(index, bytes, () => reader.readTo(receivers[index], receivers[index].carried + bytes)),
  );
  if (bulk && !wire.acknowledge) run.bulk = bulk;
  return run;
}

/** Leaves it again. */
export function leaveRoom({ members, bulk }: RoomRun): void {
  bulk?.close();
  for (const member of members) member.close();
}

/**
 * Before anything is measured the first member speaks until every other has heard it: then all have joined,
 * over TCP and UDP alike. A target that takes connections and relays nothing ends here, in a bounded time; one
 * that talks without being asked, after a bounded number of bytes.
 */
export async function rollCall(run: RoomRun): Promise<void> {
  const { members, plan, target, lost, present } = run;
  const out = new Uint8Array(run.wireBytes);
  const view = new DataView(out.buffer);
  const deadline = now() + ROLL_CALL_SECONDS * 1e9;
  const mostUnasked = UNASKED_BYTES + plan.connections ** 2 * NOTICE_BYTES;
  const missing = () => members.filter(({ index }) => index > 0 && !present.has(index));
  for (let call = 0; missing().length > 0; call++) {
    if (lost.count > 0)
      throw new Unreachable(`${target.url}: ${lost.count} connections lost: ${lost.reason}`);
    if (total(run.received) > mostUnasked)
      throw new Unreachable(
        `${target.url} sent ${Math.round(total(run.received) / 1_048_576)} MiB to ${members.length} members of whom nobody had spoken`,
      );
    if (now() > deadline) {
      const full = fileTables(plan.serverPids)?.full;
      throw new Unreachable(
        full
          ? `${target.url}: ${full}`
          : `${target.url} took ${members.length} members, but ${missing().length} of them heard nothing of the room within ${ROLL_CALL_SECONDS} s`,
      );
    }
    if (run.unreadable) throw new Unreachable(`${target.url}: ${run.unreadable}`);
    if (call > 0) for (const member of missing()) member.rejoin?.();
    compose(run, out, view, 0, markTag(plan.tag), run.senderOf(0), call, marks.rollCall);
    members[0].send(out, 0, out.length);
    for (let waited = 0; waited < ROLL_CALL_EVERY_MS && missing().length > 0; waited += 5) await Bun.sleep(5);
  }
  run.received.fill(0);
}

/** Tells how this fleet's members appear to others, and hears how the others' do; resolves with when it began. */
export async function introduce(run: RoomRun): Promise<number> {
  const { exchange, members, wire, plan } = run;
  // Over a Unix socket a client has no address, and between machines there may be one that translates it (NAT): what the
  // server calls it is learnt from its first message.
  const learnt = run.target.unix !== undefined || (exchange.machines !== undefined && namesAddress(wire));
  const prefixes = learnt ? [] : members.map((member) => wire.deliveryPrefix(member));
  const { at, introductions } = await exchange.ready({ prefixes });
  if (learnt) run.reader.learnPrefixes();
  else
    run.reader.expectPrefixes(
      Array.from(
        { length: plan.connections },
        (_, c) => introductions[c % exchange.fleets].prefixes[Math.floor(c / exchange.fleets)],
      ),
    );
  return at;
}

/** Whether what stands before a message has its sender's address in it. */
const namesAddress = ({ deliveryPrefix }: RoomRun["wire"]): boolean =>
  !Buffer.from(deliveryPrefix({ address: "a", id: 1 })).equals(deliveryPrefix({ address: "b", id: 1 }));
