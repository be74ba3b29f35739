/** The bench as a function. */

import { resolveProtocol } from "../clients/protocol-file.ts";
import type { RunRecord } from "./record/record.ts";
import { chooseCells, chooseSources, type Request } from "./run/choose.ts";
import { comparisonOf } from "./run/comparing.ts";
import { checkEffects, checkPairs } from "./run/flags.ts";
import { run } from "./run/run.ts";
import { checkShared } from "./run/shared.ts";

/** Everything that `sockbench bench` takes, by the same names; all of it optional. */
export type BenchRequest = Partial<Omit<Request, "nats">> & {
  /** Valid samples of each cell, 1 by default, and how many may be taken for them. Of several servers, rounds. */
  samples?: number;
  maxSamples?: number;
  /** Client processes; by default one a spare core. */
  fleets?: number;
  calibrate?: boolean;
  /**
   * Of several `servers`, which are driven side by side: exactly so many rounds of each cell; without it as many as it
   * takes until every figure is decided, within the budget.
   */
  rounds?: number;
  /** Seconds for the rounds of all cells, 20 for each by default. */
  budget?: number;
  /** Least relative change that counts, 0.05 by default: give the same one to `compareServers`. */
  threshold?: number;
  /** Ends the run; what was finished is lost to the caller, who gets the reason thrown. */
  signal?: AbortSignal;
};

/**
 * Runs scenarios and returns the record, with times in nanoseconds and rates per second.
 *
 * @param scenarios a name, or several; none is all of them
 * @throws Failure with the program's exit code: the target cannot be reached, a server died, bad parameters
 * @example
 * const record = await bench("fanout", { target: "tcp://127.0.0.1:8080", connections: 100 });
 * record.samples[0].metrics["delivery.p99"]; // nanoseconds
 * @example
 * const both = await bench("sum", { servers: ["bun", "mine=./server {port}"], protocol: "sum/tcp", budget: 30 });
 * console.log(sentence(compareServers(both, "bun", "mine")));
 */
export async function bench(
  scenarios: string | readonly string[] = [],
  asked: BenchRequest = {},
): Promise<RunRecord> {
  const protocol = asked.protocol === undefined ? undefined : await resolveProtocol(asked.protocol);
  const request: BenchRequest = { ...asked, ...(protocol === undefined ? {} : { protocol }) };
  const full: Request = { quick: false, seed: 1, exhaustive: false, servers: ["bun"], ...request };
  const names = typeof scenarios === "string" ? [scenarios] : scenarios;
  const rounds = request.rounds ?? request.samples;
  const samples = rounds ?? 1;
  const given = givenBy(request);
  checkPairs(given, { ...request, ...full });
  const sources = chooseSources(full);
  const cells = chooseCells(names, full);
  checkEffects(names, given, { ...request, ...full }, (asked) => chooseCells(names, asked));
  checkShared(sources, cells, full);
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => {});
  const onAbort = () => interrupted.reject(request.signal?.reason);
  request.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const { record, failure } = await run({
      cells,
      sources,
      comparison: comparisonOf({ ...request, samples: rounds }, cells),
      samples,
      maxSamples: request.maxSamples ?? samples * 2 + 1,
      fleets: request.fleets,
      calibrate: request.calibrate ?? false,
      skipMissing: request.skipMissing ?? false,
      command: ["bench", ...names],
      interrupted: interrupted.promise,
    });
    if (failure) throw failure;
    return record;
  } finally {
    request.signal?.removeEventListener("abort", onAbort);
  }
}

/** The flags of the command line that a program's request stands for. */
const givenBy = ({ servers, rounds, ...request }: BenchRequest): object =>
  Object.fromEntries(
    Object.entries({ ...request, samples: rounds ?? request.samples, server: servers }).filter(
      ([, value]) => value !== undefined && value !== false,
    ),
  );
