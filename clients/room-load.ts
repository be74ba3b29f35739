/** How a room is loaded: the open loop's planned rate, or the closed loop's full windows. */
import { now } from "../platform/clock.ts";
import { writeMessage } from "../protocols/stamp.ts";
import { createHistogram, encodeHistogram, recordLatency } from "./histogram.ts";
import type { Member } from "./members.ts";
import { type Pace, pace } from "./pacer.ts";
import { type ClosedLoad, type OpenLoad, type RoomPlan, type RoomRun, receiversOf } from "./room.ts";
import { createWindows, type Windows } from "./windows.ts";

/** What may be lost and has not come everywhere after so long is not waited for. */
const GIVE_UP_NS = 250e6;

/** Open loop: messages of the warm-up, which are verified but not measured. */
export const warmMessages = ({ warmup }: RoomPlan, { rate }: OpenLoad): number => Math.round(rate * warmup);

export const allMessages = (plan: RoomPlan, load: OpenLoad): number =>
  warmMessages(plan, load) + Math.round(load.rate * plan.duration);

/** Puts one message, and what the protocol wants around it, at `at`. */
export function compose(
  { wire, plan }: RoomRun,
  out: Uint8Array,
  view: DataView,
  at: number,
  tag: number,
  sender: number,
  sequence: number,
  time: number,
): void {
  const { sendPrefix, sendSuffix } = wire;
  if (sendPrefix.length > 0) out.set(sendPrefix, at);
  const body = at + sendPrefix.length;
  writeMessage(view, body, plan.messageBytes, tag, sender, sequence, time);
  wire.seal?.(view, body, plan.messageBytes);
  if (sendSuffix.length > 0) out.set(sendSuffix, body + plan.messageBytes);
}

/** Loads the room from `start` on as planned; resolves after the last send, with what an open loop can tell. */
export function driveLoad(run: RoomRun, start: number): Promise<{ lag: string; pace: Pace } | undefined> {
  const { load } = run.plan;
  return load.loop === "open" ? offerOpen(run, load, start) : offerClosed(run, load, start);
}

/** Message k is sent by sender k mod senders, at its time. */
async function offerOpen(run: RoomRun, load: OpenLoad, start: number): Promise<{ lag: string; pace: Pace }> {
  const { plan, exchange, members, lost } = run;
  const { fleet, fleets } = exchange;
  const { rate, senders } = load;
  const out = new Uint8Array(run.wireBytes);
  const view = new DataView(out.buffer);
  const lag = createHistogram();
  const warm = warmMessages(plan, load) / fleets;
  let offered = 0;
  const result = await pace(
    {
      start,
      interval: 1e9 / rate,
      count: allMessages(plan, load),
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
        if (offered++ >= warm) recordLatency(lag, nanoseconds);
      },
    },
    () => lost.count > 0,
  );
  return { lag: encodeHistogram(lag), pace: result };
}

/** The windows of this fleet's senders, not yet begun. */
export function openWindows(run: RoomRun, { window, senders }: ClosedLoad): Windows {
  const { plan, exchange, members, wire, wireBytes } = run;
  const out = new Uint8Array(wireBytes * window);
  const view = new DataView(out.buffer);
  return createWindows({
    senders: members.map(({ index }) => run.senderOf(index)).filter((sender) => sender < senders),
    window,
    receivers: receiversOf(run),
    ...(wire.promises.mayLose ? { giveUpAfter: GIVE_UP_NS } : {}),
    send(sender, sequence, count) {
      const index = Math.floor(sender / exchange.fleets);
      const time = now() - plan.epoch;
      for (let i = 0; i < count; i++)
        compose(run, out, view, i * wireBytes, plan.tag, sender, sequence + i, time);
      run.sent[index] += count;
      return sendMessages(run, members[index], out, count);
    },
  });
}

/** Keeps every sender's window full until the measured time is over. */
async function offerClosed(run: RoomRun, load: ClosedLoad, start: number): Promise<undefined> {
  const { plan, lost } = run;
  const windows = openWindows(run, load);
  run.windows = windows;
  const until = async (at: number) => {
    while (now() < at && lost.count === 0) await Bun.sleep(Math.max(1, Math.min(50, (at - now()) / 1e6)));
  };
  try {
    await until(start);
    windows.start();
    await until(start + (plan.warmup + plan.duration) * 1e9);
  } finally {
    windows.stop();
  }
}

/** A stream takes them in one write; each datagram is its own. */
function sendMessages({ wire, wireBytes }: RoomRun, member: Member, out: Uint8Array, count: number): boolean {
  if (wire.framing.transport !== "udp") return member.send(out, 0, count * wireBytes);
  for (let i = 0; i < count; i++) member.send(out, i * wireBytes, (i + 1) * wireBytes);
  return true;
}
