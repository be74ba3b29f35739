/** The fleets as the bench holds them: processes, and one run of a plan on all of them. */
import type { Subprocess } from "bun";
import type { FromFleet, Introduction, Progress, ToFleet } from "../../clients/exchange.ts";
import type { Plan, Report } from "../../clients/workloads/index.ts";
import { now } from "../../platform/clock.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { ownProgram } from "../../platform/own.ts";
import { findProtocol } from "../../protocols/index.ts";

type FleetProcess = { process: Subprocess; hear: (message: FromFleet<Report>) => void };

export type Fleets = {
  count: number;
  pids: number[];
  /** Runs a plan on every fleet; resolves with each one's report, in the order of the fleets. */
  run: <R extends Report>(plan: Plan, options: RunOptions) => Promise<R[]>;
  stop: () => Promise<void>;
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

export function startFleets(count: number): Fleets {
  const fleets = Array.from({ length: count }, startFleet);
  return {
    count,
    pids: fleets.map(({ process }) => process.pid),
    run: <R extends Report>(plan: Plan, options: RunOptions) =>
      runPlan<R>(fleets.slice(0, options.fleets), plan, options),
    async stop() {
      for (const { process } of fleets) process.kill("SIGKILL");
      await Promise.all(fleets.map(({ process }) => process.exited));
    },
  };
}

function startFleet(): FleetProcess {
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

async function runPlan<R extends Report>(
  fleets: FleetProcess[],
  plan: Plan,
  options: RunOptions,
): Promise<R[]> {
  const latest: Progress[] = fleets.map(() => ({ sent: 0, delivered: 0 }));
  const waits = fleets.map(({ process }, index) => {
    const waiting = new Map<Step, (message: FromFleet<Report>) => void>();
    let fail: (reason: Failure) => void = () => {};
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    failed.catch(() => {});
    process.exited.then((code) =>
      fail(new Failure(exitCodes.untrusted, `fleet ${index} ended with code ${code}`)),
    );
    fleets[index].hear = (message) => {
      if (message.type === "progress") {
        latest[index] = message.progress;
        options.onProgress?.({ sent: total(latest, "sent"), delivered: total(latest, "delivered") });
      } else if (message.type === "failed") fail(failure(message.kind, message.reason));
      else waiting.get(message.type)?.(message);
    };
    return <T extends Step>(type: T) =>
      Promise.race([
        failed,
        options.broken,
        impatient(options.timeoutSeconds, type),
        new Promise<Extract<FromFleet<Report>, { type: T }>>((resolve) =>
          waiting.set(type, (message) => resolve(message as Extract<FromFleet<Report>, { type: T }>)),
        ),
      ]);
  });
  const all = <T extends Step>(type: T) => Promise.all(waits.map((wait) => wait(type)));
  const say = (message: ToFleet<Plan>) => {
    for (const { process } of fleets) process.send(message);
  };

  const ready = all("ready");
  const sent = all("sent");
  const reports = all("report");
  // Whichever fails first is thrown; the others must not be unhandled.
  for (const step of [ready, sent, reports]) step.catch(() => {});
  fleets.forEach(
    ({ process }, fleet) =>
      void process.send({
        type: "plan",
        plan: withModule(plan),
        fleet,
        fleets: fleets.length,
      } satisfies ToFleet<Plan>),
  );
  const introductions: Introduction[] = (await ready).map((message) => message.introduction);
  say({ type: "go", at: now(), introductions });
  sent
    .then((messages) => say({ type: "drain", sent: messages.map((message) => message.sent) }))
    .catch(() => {});
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
