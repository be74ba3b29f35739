/**
 * How a run of a room ends: every sender closes with an end mark, all that is under way is waited for as long as
 * some of it comes, and the ledger is closed. Behind its sender's end mark nothing more of it comes, so that a
 * message that has not come by then is lost; without one it may only be late.
 */
import { now } from "../platform/clock.ts";
import { markTag } from "../protocols/stamp.ts";
import { awaitArrivals } from "./measured-time.ts";
import { marks } from "./reader.ts";
import type { RoomRun } from "./room.ts";
import { compose } from "./room-load.ts";
import { Unreachable } from "./unreachable.ts";

/** Longest time for the kernel to take what the members still hold. */
const SETTLE_SECONDS = 10;
/** Longest time for what is under way, as long as some of it comes. */
const DRAIN_SECONDS = 20;
/** After all end marks, for messages that these have overtaken. */
const OVERTAKEN_MS = 200;
const POLL_MS = 5;

/**
 * After the last send: learns what all fleets sent, waits for it, and closes the ledger.
 * @param takenBefore bytes that the kernel had taken of each member when the run began
 */
export async function finish(
  run: RoomRun,
  takenBefore: number[],
): Promise<{ taken: number; expected: number }> {
  const { members, exchange, plan, wire, ledger, wireBytes } = run;
  const { mayLose, echoesToSender } = wire.promises;
  if (!mayLose) sendEndMarks(run);
  await settle(run);
  const taken = Int32Array.from(members, (member, i) =>
    Math.min(run.sent[i], Math.floor((member.taken() - takenBefore[i]) / wireBytes)),
  );
  const all = await exchange.sent(taken);
  const { senders } = plan.load;
  const { fleets } = exchange;
  const bySender = Int32Array.from({ length: senders }, (_, s) => all[s % fleets][Math.floor(s / fleets)]);
  /** Of something that each sender sends so often, how much comes to this fleet. */
  const comes = (sent: ArrayLike<number>) => {
    const total = Array.from(sent).reduce((sum, one) => sum + one, 0);
    const own = members.reduce((sum, { index }) => sum + (sent[run.senderOf(index)] ?? 0), 0);
    return total * members.length - (echoesToSender ? 0 : own);
  };
  const expected = comes(bySender);
  const expectedMarks = mayLose ? 0 : comes(bySender.map((sent) => Math.min(sent, 1)));
  await drain(run, expected, expectedMarks);
  if (run.unreadable) throw new Unreachable(`${run.target.url}: ${run.unreadable}`);
  // Where a server may lose what it likes, what has not come when nothing comes any more was lost.
  ledger.close(bySender, mayLose);
  return { taken: taken.reduce((sum, one) => sum + one, 0), expected };
}

/** Each sender's last word. It is none of its messages, and is sent behind all of them. */
function sendEndMarks(run: RoomRun): void {
  const out = new Uint8Array(run.wireBytes);
  const view = new DataView(out.buffer);
  for (const member of run.members) {
    const sent = run.sent[member.index];
    if (sent === 0) continue;
    compose(run, out, view, 0, markTag(run.plan.tag), run.senderOf(member.index), sent, marks.end);
    member.send(out, 0, out.length);
  }
}

/** Waits, for a bounded time, until the kernel has taken what the members still hold. */
async function settle({ members, lost }: RoomRun): Promise<void> {
  const deadline = now() + SETTLE_SECONDS * 1e9;
  while (members.some((member) => member.pending() > 0) && now() < deadline && lost.count === 0)
    await Bun.sleep(POLL_MS);
}

/** Until all has come, or what has not cannot come any more, or nothing has for the quiet time, or the bound. */
function drain(run: RoomRun, expected: number, expectedMarks: number): Promise<void> {
  const { ledger, lost, members, wire, plan } = run;
  const { mayLose, ordered } = wire.promises;
  // Without an order a mark may overtake anything.
  const ended = () => !mayLose && ordered !== false && ledger.marks() >= expectedMarks;
  return awaitArrivals({
    done: () => ledger.counts.delivered + ledger.counts.corrupt >= expected || lost.count >= members.length,
    lastArrival: () => run.lastArrival,
    quiet: () => (ended() ? OVERTAKEN_MS * 1e6 : plan.quietSeconds * 1e9),
    atMost: DRAIN_SECONDS * 1e9,
  });
}
