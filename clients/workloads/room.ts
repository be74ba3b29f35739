/**
 * The room workload: many members of one chat room or relay send, and every delivery to every one of them is
 * verified. Open loop for latency, closed loop for throughput (room-load.ts has both); room-end.ts ends it.
 */
import { now } from "../../platform/clock.ts";
import type { Used } from "../../platform/meter.ts";
import { udpDrops } from "../../platform/proc.ts";
import { type ArrivalsReport, createArrivals } from "../arrivals.ts";
import { type Churned, churn } from "../churn.ts";
import type { Exchange } from "../exchange.ts";
import type { Ledger, Witness } from "../ledger.ts";
import { measureTime, START_DELAY_NS } from "../measured-time.ts";
import type { Pace } from "../pacer.ts";
import { type ConnectionsLost, type Offered, type RoomPlan, type RoomRun, total } from "../room.ts";
import { finish } from "../room-end.ts";
import { introduce, joinRoom, rollCall } from "../room-join.ts";
import { allMessages, driveLoad, warmMessages } from "../room-load.ts";

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

/** How often it is noted what has been offered; and bounds of what a report holds of that, and of lost connections. */
const OFFERED_EVERY_MS = 20;
const MAX_OFFERED = 100_000;

export async function runRoom(plan: RoomPlan, exchange: Exchange): Promise<RoomReport> {
  const { load } = plan;
  const { machines, fleet } = exchange;
  const standing = machines && { own: machines[fleet], machines };
  const arrivals =
    load.loop === "open"
      ? createArrivals(load.senders, warmMessages(plan, load), allMessages(plan, load), standing)
      : undefined;
  const run = await joinRoom(plan, exchange, arrivals?.arrived);
  try {
    await rollCall(run);
    const takenBefore = run.members.map((member) => member.taken());
    const start = (await introduce(run)) + START_DELAY_NS;
    const progress = setInterval(
      () => exchange.progress({ sent: total(run.sent), delivered: run.ledger.counts.delivered }),
      250,
    );
    const offered = setInterval(() => noteOffered(run), OFFERED_EVERY_MS);
    try {
      const [measured, open, churned] = await Promise.all([
        measure(run, start),
        driveLoad(run, start),
        plan.churn && exchange.fleet === 0
          ? churn(run.target, run.visit, plan.churn, start + plan.warmup * 1e9, plan.duration)
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
        withheld: total(run.sent) - taken,
        givenUp: run.windows?.givenUp() ?? 0,
        connectionsLost: run.lost,
        offered: run.offered,
        measured,
        ...(churned ? { churned } : {}),
        dropped:
          run.wire.framing.transport === "udp"
            ? udpDrops(new Set(run.members.map(({ port }) => port)))
            : undefined,
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
  if (offered.length < MAX_OFFERED) offered.push({ at: now(), messages: total(sent) });
}

async function measure(run: RoomRun, start: number): Promise<RoomReport["measured"]> {
  const { plan, ledger, lost, exchange } = run;
  let sentBefore = 0;
  const { used, done, firstHalf } = await measureTime(plan, exchange.fleet, start, {
    done: () => ledger.counts.delivered,
    onBegin() {
      sentBefore = total(run.sent);
      run.longestSilence = 0;
      run.lastArrival = now();
    },
    over: () => lost.count > 0,
  });
  return {
    used,
    sent: total(run.sent) - sentBefore,
    delivered: done,
    firstHalf,
    silence: Math.max(run.longestSilence, now() - run.lastArrival),
  };
}
