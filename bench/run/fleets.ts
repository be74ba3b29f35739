/** The fleets as the bench holds them: processes, and one run of a plan on all of them. */
import type { Subprocess } from "bun";
import type { FromFleet, Introduction, Progress, ToFleet } from "../../clients/exchange.ts";
import type { Plan, Report } from "../../clients/workloads/index.ts";
import { now } from "../../platform/clock.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { ownProgram } from "../../platform/own.ts";
import { findProtocol } from "../../protocols/index.ts";
import type { ServerUse } from "../machines/serving.ts";
import type { SampleClock } from "../record/record.ts";
import type { Link } from "./link.ts";

export type FleetProcess = { process: Subprocess; hear: (message: FromFleet<Report>) => void };

export type Fleets = {
  count: number;
  pids: number[];
  /** Runs a plan on every fleet; resolves with each one's report, in the order of the fleets. */
  run: <R extends Report>(plan: Plan, options: RunOptions) => Promise<R[]>;
  stop: () => Promise<void>;
  /** Where they stand on several machines: that of each fleet, and how well the clocks of the last run are known. */
  machines?: readonly number[];
  clocks?: () => readonly SampleClock[];
  /** What the server used in the last run, where an agent beside it has measured that. */
  serverUse?: () => ServerUse | undefined;
};

export type RunOptions = {
  /** How many fleets take part; all of them by default. */
  fleets?: number;
  onProgress?: (progress: Progress) => void;
  /** Rejects when the run cannot be finished any more: the server has died, or the user has had enough. */
  broken: Promise<never>;
  /** Longest time for each step, in seconds; a fleet that says nothing for so long is given up. */
  timeoutSeconds: number;
};

/** Fleets on this machine. */
export const startFleets = (count: number): Fleets => fleetsOver(localLink(count));

/** Fleets, wherever they are. */
export const fleetsOver = (link: Link): Fleets => ({
  count: link.count,
  pids: link.pids,
  run: <R extends Report>(plan: Plan, options: RunOptions) => runPlan<R>(link, plan, options),
  stop: link.stop,
});

function localLink(count: number): Link {
  const all = Array.from({ length: count }, startFleet);
  let told: FleetProcess[] = [];
  return {
    count,
    pids: all.map(({ process }) => process.pid),
    lead: 0,
    begin(plan, fleets, { hear, lost }) {
      told = all.slice(0, fleets);
      told.forEach((one, fleet) => {
        one.hear = (message) => hear(fleet, message);
        one.process.exited.then((code) =>
          lost(new Failure(exitCodes.untrusted, `fleet ${fleet} ended with code ${code}`)),
        );
        one.process.send({
          type: "plan",
          plan: withModule(plan),
          fleet,
          fleets: told.length,
        } satisfies ToFleet<Plan>);
      });
    },
    say(message) {
      for (const { process } of told) process.send(message);
    },
    async stop() {
      for (const { process } of all) process.kill("SIGKILL");
      await Promise.all(all.map(({ process }) => process.exited));
    },
  };
}

export function startFleet(): FleetProcess {
  const fleet: FleetProcess = {
    hear: () => {},
    process: Bun.spawn(ownProgram("clients/fleet.ts"), {
      ipc: (message: FromFleet<Report>) => fleet.hear(message),
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit"],
    }),
  };
  return fleet;
}

type Step = Exclude<FromFleet<Report>["type"], "progress" | "failed">;

async function runPlan<R extends Report>(link: Link, plan: Plan, options: RunOptions): Promise<R[]> {
  const fleets = Math.min(options.fleets ?? link.count, link.count);
  const latest: Progress[] = Array.from({ length: fleets }, () => ({ sent: 0, delivered: 0 }));
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  failed.catch(() => {});
  const waiting = latest.map(() => new Map<Step, (message: FromFleet<Report>) => void>());
  const wait = <T extends Step>(type: T) =>
    Promise.race([
      failed,
      options.broken,
      impatient(options.timeoutSeconds, type),
      Promise.all(
        waiting.map(
          (steps) =>
            new Promise<Extract<FromFleet<Report>, { type: T }>>((resolve) =>
              steps.set(type, (message) => resolve(message as Extract<FromFleet<Report>, { type: T }>)),
            ),
        ),
      ),
    ]);

  const [ready, sent, reports] = [wait("ready"), wait("sent"), wait("report")];
  // Whichever fails first is thrown; the others must not be unhandled.
  for (const step of [ready, sent, reports]) step.catch(() => {});
  link.begin(plan, fleets, {
    lost: fail,
    hear(fleet, message) {
      if (message.type === "progress") {
        latest[fleet] = message.progress;
        options.onProgress?.({ sent: total(latest, "sent"), delivered: total(latest, "delivered") });
      } else if (message.type === "failed") fail(failure(message.kind, message.reason));
      else waiting[fleet].get(message.type)?.(message);
    },
  });
  const introductions: Introduction[] = (await ready).map((message) => message.introduction);
  link.say({ type: "go", at: now() + link.lead, introductions });
  sent
    .then((messages) => link.say({ type: "drain", sent: messages.map((message) => message.sent) }))
    .catch(fail);
  return (await reports).map((message) => message.report as R);
}

/** A fleet is another process: a protocol that is none of ours travels as the file that defines it. */
function withModule(plan: Plan): Plan {
  const module = "protocol" in plan ? findProtocol(plan.protocol)?.module : undefined;
  return module === undefined ? plan : { ...plan, module };
}

const total = (list: Progress[], key: keyof Progress) => list.reduce((sum, one) => sum + one[key], 0);

function failure(kind: "unreachable" | "internal", reason: string): Failure {
  return new Failure(kind === "unreachable" ? exitCodes.unreachable : exitCodes.untrusted, reason);
}

/** What a fleet waits for is the target's doing: it is the one that takes too long, or never comes to an end. */
const waitedFor: Record<Step, string> = {
  ready: "its connections did not stand",
  sent: "the load was not over",
  report: "not all had come, and it went on",
};

function impatient(seconds: number, step: Step): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(
      () =>
        reject(
          new Failure(
            exitCodes.untrusted,
            `${waitedFor[step]} within ${Math.round(seconds)} s: the target is too slow for this load, or never ends`,
          ),
        ),
      seconds * 1000,
    ).unref();
  });
}
