/**
 * An agent while a bench holds it: it hands plans to its fleets and what these say to the bench, and is free again as
 * soon as the bench releases it, says nothing any more, or cannot be reached.
 */

import { z } from "zod";
import type { FromFleet, Progress } from "../../clients/exchange.ts";
import { START_DELAY_NS } from "../../clients/measured-time.ts";
import type { Report } from "../../clients/workloads/index.ts";
import { type Broker, receiver, sender } from "./broker.ts";
import { checkPlan } from "./plan.ts";
import type { Pool } from "./pool.ts";
import type { Serving } from "./serving.ts";
import { everySecond } from "./silence.ts";
import { BENCH_SILENCE_MS, type FromAgent, type Said, subjects, type ToAgents, toAgents } from "./words.ts";

export type Held = {
  session: string;
  /** Who holds it, in words. */
  bench: string;
  /** Ends it; `reason` is told the bench, if it is still there. */
  end: (reason?: string) => void;
  /** Tells the bench that the server has ended by itself. */
  serverEnded: (reason: string) => void;
};

export type HeldOptions = {
  id: string;
  session: string;
  bench: string;
  broker: Broker;
  pool: Pool;
  serving: Serving | undefined;
  /** The processes of a target that stands beside this agent; none where it does not. */
  serverPids: (target: string) => readonly number[];
  /** It has ended, and why. */
  onEnd: (reason: string | undefined) => void;
};

/** What is under way: which fleets take part, by what number, and who has not reported yet. */
type Run = {
  number: number;
  first: number;
  count: number;
  working: Set<number>;
  /** Its warm-up and its measured time, where it has such; and what this clock lacks to the run's, nanoseconds. */
  timed?: { warmup: number; duration: number };
  clock: number;
};

export function hold(options: HeldOptions): Held {
  const { id, session, bench, broker, pool, serving, serverPids, onEnd } = options;
  const tellBench = sender(broker, subjects.bench(session, id)) as (words: FromAgent) => void;
  const progress = new Map<number, Progress>();
  let run: Run = { number: 0, first: 0, count: 0, working: new Set(), clock: 0 };
  let over = false;

  const fleetSays = (index: number, message: FromFleet<Report>) =>
    attempt(() => tellBench({ type: "fleet", run: run.number, fleet: run.first + index, message }));
  const silence = everySecond(BENCH_SILENCE_MS, {
    tick() {
      attempt(() => tellBench({ type: "alive" }));
      for (const [index, one] of progress) fleetSays(index, { type: "progress", progress: one });
      progress.clear();
    },
    silent: () => end(`${bench} said nothing for ${BENCH_SILENCE_MS / 1000} s`),
  });
  pool.listen((index, message) => {
    if (!run.working.has(index)) return;
    // While a sample is measured the wire is left alone, but for this once a second.
    if (message.type === "progress") return void progress.set(index, message.progress);
    if (message.type === "report" || message.type === "failed") run.working.delete(index);
    fleetSays(index, message);
  });
  const stopHearing = receiver(broker, subjects.run(session), (value) => {
    const { success, data: words } = toAgents.safeParse(value);
    if (!success) return;
    silence.heard();
    if (words.type === "plan") begin(words);
    else if (words.type === "say" && words.run === run.number) say(words.message as Said);
    else if (words.type === "abort" && words.run === run.number) renewIfWorking();
  });

  function begin({ run: number, plan, fleets, machines, first, clocks }: ToAgents & { type: "plan" }): void {
    renewIfWorking();
    const own = first[id] ?? fleets;
    const count = Math.max(0, Math.min(pool.count, fleets - own));
    run = {
      number,
      first: own,
      count,
      working: new Set(Array.from({ length: count }, (_, i) => i)),
      clock: clocks[id] ?? 0,
    };
    const { success, data: times } = timedPlan.safeParse(plan);
    if (success) run.timed = times;
    progress.clear();
    if (count === 0) return;
    const checked = checkPlan(plan, { fleets, serverPids });
    if ("no" in checked) {
      run.working.clear();
      fleetSays(0, { type: "failed", kind: "unreachable", reason: checked.no });
      return;
    }
    const place = { machines, clock: run.clock };
    for (const index of run.working)
      pool.send(index, { type: "plan", plan: checked.plan, fleet: own + index, fleets, place });
  }

  function say(message: Said): void {
    for (const index of run.working) pool.send(index, message);
    if (message.type === "go" && run.timed) void measureServer(run, message.at);
  }

  /** The measured time is that of the fleets, by their clock; here it begins so much earlier. */
  async function measureServer({ number, timed, clock }: Run, at: number): Promise<void> {
    const use = timed && (await serving?.measure(timed, at + START_DELAY_NS - clock));
    if (use && number === run.number && !over) attempt(() => tellBench({ type: "server", run: number, use }));
  }

  function renewIfWorking(): void {
    if (run.working.size > 0) pool.renew();
    run.working.clear();
  }

  function end(reason?: string): void {
    if (over) return;
    over = true;
    silence.end();
    stopHearing();
    pool.listen(() => {});
    renewIfWorking();
    serving?.stop().catch(() => {});
    if (reason !== undefined) attempt(() => tellBench({ type: "over", reason }));
    onEnd(reason);
  }

  const serverEnded = (reason: string) => attempt(() => tellBench({ type: "ended", reason }));
  return { session, bench, end, serverEnded };
}

/** Seconds, bounded: somebody else's words. */
const timedPlan = z.object({ warmup: z.number().min(0).max(1e5), duration: z.number().min(0).max(1e5) });

/** A broker that has gone is told by its own events. */
function attempt(say: () => void): void {
  try {
    say();
  } catch {}
}
