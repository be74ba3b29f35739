/**
 * The machine's own latencies, beside those of a server under test: an echo of sums that has next to nothing to do, on the
 * same CPUs, asked by the same fleets. What it shows no server here can do better than.
 */
import { implementation } from "../../targets/programs.ts";
import type { Session } from "../run/session.ts";
import { sumCell } from "../scenarios/sum.ts";
import type { Clause } from "./objective.ts";

export type Yardstick = {
  /** The machine's own value of a clause's percentile, now, ns; undefined where it has none. */
  read: (clause: Clause) => Promise<number | undefined>;
  stop: () => Promise<void>;
};

const PROTOCOL = "sum/tcp";
const LOAD = { loop: "open", rate: 1000 } as const;
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
      return metrics[`roundTrip.${percentileOf(text)}`] ?? metrics["roundTrip.p99"];
    },
    stop: async () => void (await server.stop()),
  };
}

/** `p99` of `last.p99<5ms`; of a farther one than a short look supports, the farthest that it does. */
const percentileOf = (text: string): string => /\bp\d+/.exec(text)?.[0] ?? "p99";
