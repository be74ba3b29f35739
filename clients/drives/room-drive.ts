/** Drives a room in slices: a closed loop's windows, or an open loop's schedule, over members that stay. */
import { now } from "../../platform/clock.ts";
import { serverProcesses } from "../../platform/meter.ts";
import { udpDrops } from "../../platform/proc.ts";
import { createArrivals } from "../arrivals.ts";
import type { Exchange } from "../exchange.ts";
import { awaitArrivals } from "../measured-time.ts";
import { pace } from "../pacer.ts";
import { type ClosedLoad, type OpenLoad, type RoomPlan, type RoomRun, receiversOf, total } from "../room.ts";
import { finish } from "../room-end.ts";
import { introduce, joinRoom, leaveRoom, rollCall } from "../room-join.ts";
import { compose, openWindows } from "../room-load.ts";
import { createSliceMeter, type Drive, type Slice, untilAsleep } from "./drive.ts";

const DRAIN_SECONDS = 10;

type Loaded = Pick<Slice, "latencies" | "paced">;

export async function openRoomDrive(plan: RoomPlan, exchange: Exchange): Promise<Drive> {
  let arrived: Parameters<typeof joinRoom>[2];
  const run = await joinRoom(
    plan,
    exchange,
    plan.load.loop === "open" ? (...heard) => arrived?.(...heard) : undefined,
  );
  await rollCall(run);
  const takenBefore = run.members.map((member) => member.taken());
  await introduce(run);
  const meter = createSliceMeter(plan.serverPids);
  const processes = serverProcesses(plan.serverPids);
  const load =
    plan.load.loop === "open"
      ? openLoop(run, plan.load, (listener) => {
          arrived = listener;
        })
      : closedLoop(run, plan.load);
  let owes = false;

  return {
    broken: () => owes || run.lost.count > 0,
    depthFor: ({ done, elapsed }, milliseconds) =>
      Math.floor(((done / elapsed) * milliseconds * 1e6) / (plan.load.senders * receiversOf(run))),
    limit: (depth) => run.windows?.limit(depth),
    async slice(milliseconds) {
      const { counts } = run.ledger;
      const [before, sentBefore] = [counts.delivered, total(run.sent)];
      meter.begin();
      const start = now();
      run.lastArrival = start;
      const loaded = await load(milliseconds * 1e6, start);
      const expected = (total(run.sent) - sentBefore) * receiversOf(run);
      const missing = () => before + expected - counts.delivered - counts.corrupt - counts.lost;
      await awaitArrivals({
        done: () => missing() <= 0 || run.lost.count > 0,
        lastArrival: () => run.lastArrival,
        quiet: () => plan.quietSeconds * 1e9,
        atMost: DRAIN_SECONDS * 1e9,
        pollMs: 1,
      });
      // Where some may be lost the next slice is none the worse for it.
      owes = missing() > 0 && !run.wire.promises.mayLose;
      const elapsed = run.lastArrival - start;
      await untilAsleep(processes, milliseconds);
      return { elapsed, done: counts.delivered - before, ...meter.end(), ...loaded() };
    },
    async finish() {
      const { expected, taken } = await finish(run, takenBefore);
      const dropped =
        run.wire.framing.transport === "udp"
          ? udpDrops(new Set(run.members.map(({ port }) => port)))
          : undefined;
      leaveRoom(run);
      return {
        counts: {
          ...run.ledger.counts,
          sent: taken,
          expected,
          windowsGivenUp: run.windows?.givenUp() ?? 0,
          ...(dropped === undefined ? {} : { droppedAtClients: dropped }),
        },
        witnesses: run.ledger.witnesses,
        connectionsLost: run.lost,
        ...meter.idle(),
      };
    },
  };
}

function closedLoop(run: RoomRun, load: ClosedLoad) {
  const windows = openWindows(run, load);
  run.windows = windows;
  return async (nanoseconds: number) => {
    windows.start();
    await Bun.sleep(nanoseconds / 1e6);
    windows.stop();
    return (): Loaded => ({});
  };
}

/** Message k is sent by sender k mod senders, at its time; k counts on from slice to slice. */
function openLoop(
  run: RoomRun,
  { rate, senders }: OpenLoad,
  listen: (listener: Parameters<typeof joinRoom>[2]) => void,
) {
  const out = new Uint8Array(run.wireBytes);
  const view = new DataView(out.buffer);
  let from = 0;
  return async (nanoseconds: number, start: number) => {
    const count = Math.max(1, Math.round((rate * nanoseconds) / 1e9));
    const arrivals = createArrivals(senders, from, from + count);
    listen(arrivals.arrived);
    const first = from;
    from += count;
    const begin = start + 1e6;
    let lag = 0;
    const paced = await pace(
      {
        start: begin,
        interval: 1e9 / rate,
        count,
        mine: () => true,
        send(i, intended) {
          const k = first + i;
          const sender = k % senders;
          compose(
            run,
            out,
            view,
            0,
            run.plan.tag,
            sender,
            Math.floor(k / senders),
            intended - run.plan.epoch,
          );
          if (!run.members[sender].send(out, 0, out.length)) return false;
          run.sent[sender]++;
          return true;
        },
        onLag(nanoseconds) {
          if (nanoseconds > lag) lag = nanoseconds;
        },
      },
      () => run.lost.count > 0,
    );
    return (): Loaded => ({
      latencies: arrivals.latencies(begin - run.plan.epoch, 1e9 / rate, receiversOf(run)),
      paced: { achieved: paced.achieved / rate, lag },
    });
  };
}
