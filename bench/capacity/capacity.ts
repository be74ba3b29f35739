/**
 * Capacity: the highest rate, or the largest room, at which an objective holds. Here the questions of search.ts are
 * asked of a server, one sample each; what is told is the answer, the knee, and whose limit lay beyond.
 */
import { exitCodes, Failure } from "../../platform/failure.ts";
import { protocolOf } from "../../protocols/index.ts";
import type { ServerSource } from "../../targets/server.ts";
import { lossOf } from "../record/cells.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { amount, whole } from "../record/units.ts";
import { disturbed, generatorLate } from "../record/validity.ts";
import { type RunResult, type Session, type SessionOptions, withSession } from "../run/session.ts";
import { roomCell } from "../scenarios/fanout.ts";
import type { BenchOptions, Cell } from "../scenarios/scenario.ts";
import { sumCell } from "../scenarios/sum.ts";
import { type Clause, parseObjective, unmet } from "./objective.ts";
import { type Holds, type Purpose, searchHighest } from "./search.ts";

export type CapacityOptions = SessionOptions & {
  source: ServerSource;
  protocol: string;
  objective: string;
  grow: "rate" | "connections";
  bench: BenchOptions;
  onStep?: (words: string) => void;
};

export type Capacity = NonNullable<RunRecord["capacity"]>;

/** Most samples of a search: it is bounded whatever the server does. */
const MAX_STEPS = 30;
const RETRIES = 2;
const START = { rate: 250, connections: 10 };
const MOST = { rate: 1_000_000, connections: 20_000 };
/** Connections while the rate grows, and the rate while the connections do. */
const CONNECTIONS_WHILE_GROWING = 100;
const RATE_WHILE_GROWING = 50;
const ENOUGH_DELIVERIES = 1100;
const MAX_SECONDS = 5;
const SERVER_SATURATED = 0.9;

type Step = Capacity["steps"][number];

export async function capacity(options: CapacityOptions): Promise<RunResult> {
  const { objective, grow, protocol, source } = options;
  const clauses = parseObjective(objective);
  return withSession(options, async (session) => {
    const steps: Step[] = [];
    const range = { start: startOf(options), most: MOST[grow] };
    const answer = await searchHighest(asking(session, options, clauses, steps), range);
    session.record.capacity = {
      ...{ protocol, server: source.name, objective, grow, steps },
      answer: answer ?? null,
      knee: kneeOf(steps),
      limit: limitOf(steps, answer?.value ?? 0),
    };
  });
}

/** Asks by one sample, again where the machine was disturbed; each sample is a step. */
function asking(
  session: Session,
  options: CapacityOptions,
  clauses: readonly Clause[],
  steps: Step[],
): Holds {
  const { grow, source, onStep } = options;
  return async (value, purpose) => {
    for (let retry = 0; ; retry++) {
      if (steps.length >= MAX_STEPS)
        throw new Failure(exitCodes.untrusted, `no capacity found within ${MAX_STEPS} samples`);
      const sample = await session.sample(
        { cell: cellAt(options, value), source },
        { skipMissing: false, onProgress: () => {} },
      );
      if (!sample) throw new Failure(exitCodes.unreachable, "the server failed to start");
      const step = toStep(sample, value, purpose, clauses);
      steps.push(step);
      onStep?.(`${grow} ${whole(value)}: ${step.met ? "met" : step.unmet.join("; ")}`);
      if (!disturbed(sample) || step.met || retry === RETRIES) return step.met;
    }
  };
}

const startOf = ({ grow, bench }: Pick<CapacityOptions, "grow" | "bench">): number =>
  bench[grow] ?? START[grow];

/** What a search begins with. */
export const firstStep = (options: Pick<CapacityOptions, "protocol" | "grow" | "bench">): Cell =>
  cellAt(options, startOf(options));

function cellAt(
  { protocol, grow, bench }: Pick<CapacityOptions, "protocol" | "grow" | "bench">,
  value: number,
): Cell {
  const connections = grow === "connections" ? value : (bench.connections ?? CONNECTIONS_WHILE_GROWING);
  const rate = grow === "rate" ? value : (bench.rate ?? RATE_WHILE_GROWING);
  // Long enough for the deliveries that a p99 takes, but bounded.
  const { room } = protocolOf(protocol);
  const each = room ? Math.max(1, connections - 1) : 1;
  const duration = Math.min(MAX_SECONDS, Math.max(bench.duration ?? 1, ENOUGH_DELIVERIES / (rate * each)));
  const options: BenchOptions = { ...bench, connections, rate, warmup: bench.warmup ?? 0.3, duration };
  const cell = room
    ? roomCell(protocol, connections, "open", options)
    : sumCell(protocol, { loop: "open", rate }, options);
  return { ...cell, scenario: "capacity", variant: `${protocol} ${connections} at ${rate}/s` };
}

/** What a sample at a value says of the objective. */
export function toStep(sample: Sample, value: number, purpose: Purpose, clauses: readonly Clause[]): Step {
  const { metrics, meters, invalid } = sample;
  const missed = unmet(clauses, sample);
  // A rate that was not reached is no rate at which anything holds.
  const reached = !invalid.some(({ rule }) => rule === "rate not reached");
  const problems = [...sample.wrong.map(({ words, count }) => `${count} ${words}`), ...missed];
  if (!reached) problems.push(`reached ${amount(metrics.achievedRate)}/s`);
  const at = (name: string) => metrics[`delivery.${name}`] ?? metrics[`roundTrip.${name}`] ?? null;
  return {
    value,
    purpose,
    met: problems.length === 0,
    unmet: problems,
    achieved: metrics.achievedRate ?? 0,
    p50: at("p50"),
    p99: at("p99"),
    p999: at("p999"),
    loss: lossOf([sample]),
    serverBusy: meters?.serverCpu == null ? null : meters.serverCpu / meters.elapsed,
    clientLimited: generatorLate(sample) || !reached,
  };
}

/** The highest value before the median latency is twice that of the lowest value. */
export function kneeOf(steps: readonly Step[]): number | null {
  const rows = [...steps].sort((a, b) => a.value - b.value).filter(({ p50 }) => p50 !== null);
  const base = rows[0]?.p50;
  if (base == null) return null;
  const beyond = rows.findIndex(({ p50 }) => p50 !== null && p50 > base * 2);
  return beyond <= 0 ? null : rows[beyond - 1].value;
}

/** Whose limit it was: the lowest value that did not hold tells. */
export function limitOf(steps: readonly Step[], answer: number): Capacity["limit"] {
  const above = steps.filter(({ met, value }) => !met && value > answer).sort((a, b) => a.value - b.value)[0];
  if (!above) return "none found";
  if (above.serverBusy !== null && above.serverBusy > SERVER_SATURATED) return "server";
  return above.clientLimited ? "client" : "server";
}
