/** Drives request connections in slices, with so many requests in flight on each, or at a rate over all. */
import { now } from "../../platform/clock.ts";
import { serverProcesses } from "../../platform/meter.ts";
import type { Exchange } from "../exchange.ts";
import { createHistogram } from "../histogram.ts";
import { pace } from "../pacer.ts";
import { ask, askAll, GIVE_UP_NS, giveUp } from "../request-clients.ts";
import {
  drainRequests,
  firstReplies,
  openRequests,
  type RequestPlan,
  type RequestRun,
  untilQuiet,
} from "../request-load.ts";
import { createSliceMeter, type Drive, type Slice, untilAsleep } from "./drive.ts";

export async function openRequestDrive(
  plan: RequestPlan & { serverPids: readonly number[] },
  exchange: Exchange,
): Promise<Drive> {
  const run = await openRequests(plan, exchange);
  await firstReplies(run);
  const meter = createSliceMeter(plan.serverPids);
  const processes = serverProcesses(plan.serverPids);
  const { mayLose } = run.requests.promises;
  const { load } = plan;
  let [owes, offset] = [false, 0];

  return {
    broken: () => owes || run.lost.count > 0,
    depthFor: ({ done, elapsed }, milliseconds) =>
      Math.floor(((done / elapsed) * milliseconds * 1e6) / run.clients.length),
    limit(depth) {
      run.limit = Math.max(1, depth);
    },
    async slice(milliseconds) {
      const before = run.counts.replies;
      run.latency = createHistogram();
      run.measuring = true;
      const patrol = mayLose ? setInterval(() => giveUp(run), GIVE_UP_NS / 5e6) : undefined;
      meter.begin();
      const start = now();
      run.lastReply = start;
      const paced =
        load.loop === "open" ? await askAtRate(run, load.rate, milliseconds, start, offset) : undefined;
      if (load.loop === "closed") await askInTurn(run, milliseconds);
      offset += paced?.count ?? 0;
      await untilQuiet(run, 1);
      clearInterval(patrol);
      await untilAsleep(processes, milliseconds);
      run.measuring = false;
      owes = !mayLose && run.clients.some(({ count }) => count > 0);
      return {
        elapsed: run.lastReply - start,
        done: run.counts.replies - before,
        ...meter.end(),
        latencies: { roundTrip: run.latency },
        ...(paced ? { paced: paced.told } : {}),
      };
    },
    async finish() {
      await drainRequests(run);
      for (const { member } of run.clients) member.close();
      return {
        counts: run.counts,
        witnesses: run.witnesses.filter(({ kind }) => run.counts[kind] > 0),
        connectionsLost: run.lost,
        ...meter.idle(),
      };
    },
  };
}

async function askInTurn(run: RequestRun, milliseconds: number): Promise<void> {
  run.asking = true;
  for (const client of run.clients) askAll(run, client);
  await Bun.sleep(milliseconds);
  run.asking = false;
}

/** Request k goes out on connection k mod connections; k counts on from slice to slice. */
async function askAtRate(run: RequestRun, rate: number, milliseconds: number, start: number, offset: number) {
  const count = Math.max(1, Math.round((rate * milliseconds) / 1000));
  let lag = 0;
  const { achieved } = await pace(
    {
      start: start + 1e6,
      interval: 1e9 / rate,
      count,
      mine: () => true,
      send: (k, intended) => ask(run, run.clients[(offset + k) % run.clients.length], intended),
      onLag(nanoseconds) {
        if (nanoseconds > lag) lag = nanoseconds;
      },
    },
    () => run.lost.count > 0,
  );
  const told: NonNullable<Slice["paced"]> = { achieved: achieved / rate, lag };
  return { count, told };
}
