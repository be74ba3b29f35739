/**
 * The machine's own latencies, beside those of a server under test: an echo of sums that has next to nothing to do, on the
 * same CPUs, asked by the same fleets. What it shows no server here can do better than.
 */
import { implementation } from "../../targets/programs.ts";
import type { Session } from "../run/session.ts";
import { sumCell } from "../scenarios/sum.ts";
import type { Clause } from "./objective.ts";
import type { Step } from "./steps.ts";

export type Yardstick = {
  /** The machine's own percentile now, ns: that of a clause, or the farthest that a short look supports. */
  read: (clause: Clause) => Promise<NonNullable<Step["machine"]> | undefined>;
  stop: () => Promise<void>;
};

const PROTOCOL = "sum/tcp";
const LOAD = { loop: "open", rate: 1000 } as const;
/** Where a machine stood still for so long that there are too few values. */
const FALLBACK = ["p99", "p90", "p50"];
/** Some more than the thousand values that a p99 takes. */
const SHAPE = { connections: 8, warmup: 0.2, duration: 1.2 };

export async function startYardstick(
  { fleets, record }: Pick<Session, "fleets" | "record">,
  interrupted: Promise<never>,
): Promise<Yardstick> {
  const cpus = record.environment.pinned?.server;
  const server = await implementation("bun").start(PROTOCOL, { cpus });
  const cell = sumCell(PROTOCOL, LOAD, { quick: false, seed: 1, exhaustive: false, ...SHAPE });
  return {
    async read({ text }) {
      const { metrics } = await cell.run({
        target: server.url,
        serverPids: server.pids(),
        fleets,
        tag: 1,
        onProgress: () => {},
        broken: Promise.race([server.broken, interrupted]),
      });
      const percentile = [percentileOf(text), ...FALLBACK].find(
        (p) => metrics[`roundTrip.${p}`] !== undefined,
      );
      if (percentile === undefined) return undefined;
      return { percentile, value: metrics[`roundTrip.${percentile}`], p50: metrics["roundTrip.p50"] };
    },
    stop: async () => void (await server.stop()),
  };
}

/** `p99` of `last.p99<5ms`, and also of `p99.9`: beyond that a look of a second has too few values. */
const percentileOf = (text: string): string => /\bp\d+/.exec(text)?.[0] ?? "p99";
