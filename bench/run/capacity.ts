/**
 * Capacity: the highest rate, or the largest room, at which an objective holds. Doubles until it does not hold,
 * halves the distance until that is small, then confirms what was found by repeated samples, stepping down
 * where it does not hold again. Says when the client, not the server, was the limit.
 */

import { exitCodes, Failure } from "../../platform/failure.ts";
import { protocolOf } from "../../protocols/index.ts";
import type { ServerSource } from "../../targets/server.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { disturbed } from "../record/validity.ts";
import { roomCell } from "../scenarios/fanout.ts";
import type { BenchOptions, Cell } from "../scenarios/scenario.ts";
import { sumCell } from "../scenarios/sum.ts";
import { amount, duration, percent, table, whole } from "../terminal/format.ts";
import { logBars } from "../terminal/plots.ts";
import { type Clause, lossShare, parseObjective, unmet } from "./objective.ts";
import { type RunResult, type Session, type SessionOptions, withSession } from "./session.ts";

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
const CONFIRMATIONS = 3;
/** The search ends when the bounds are this near to each other. */
const RESOLUTION = 1.08;
const STEP_DOWN = 0.9;
const RETRIES = 2;
const START = { rate: 250, connections: 10 };
const MOST = { rate: 1_000_000, connections: 20_000 };
const CONNECTIONS = { rate: 100, connections: 10 };
const RATE_WHILE_GROWING = 50;
const ENOUGH_DELIVERIES = 1100;
const MAX_SECONDS = 5;
const SERVER_SATURATED = 0.9;

type Step = Capacity["steps"][number];

export async function capacity(options: CapacityOptions): Promise<RunResult> {
  const clauses = parseObjective(options.objective);
  return withSession(options, async (session) => {
    const search = createSearch(session, options, clauses);
    const highest = await search.climb();
    const confirmed = highest === undefined ? undefined : await search.confirm(highest);
    session.record.capacity = {
      protocol: options.protocol,
      server: options.source.name,
      objective: options.objective,
      grow: options.grow,
      steps: search.steps,
      answer: confirmed ?? null,
      knee: kneeOf(search.steps),
      limit: limitOf(search.steps, confirmed),
    };
  });
}

function createSearch(session: Session, options: CapacityOptions, clauses: readonly Clause[]) {
  const { grow, source, onStep } = options;
  const steps: Step[] = [];

  /** One sample at a value; what broke a validity rule that is not about being overloaded is taken again. */
  async function measure(value: number, purpose: Step["purpose"]): Promise<Step> {
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
      if (!disturbed(sample) || step.met || retry === RETRIES) return step;
    }
  }

  /** The highest value that held once. */
  async function climb(): Promise<number | undefined> {
    let good: number | undefined;
    let bad: number | undefined;
    for (let value = startOf(options); bad === undefined || bad / (good ?? 1) > RESOLUTION; ) {
      const { met } = await measure(value, "search");
      if (met) good = value;
      else bad = value;
      if (good === undefined) {
        if (value <= 2) return undefined;
        value = Math.max(2, Math.round(value / 4));
      } else if (bad === undefined) {
        if (good >= MOST[grow]) return good;
        value = Math.min(MOST[grow], good * 2);
      } else {
        const next = Math.round(Math.sqrt(good * bad));
        if (next === good || next === bad) break;
        value = next;
      }
    }
    return good;
  }

  /** The highest value, from the found one down, that holds in most of several samples. */
  async function confirm(found: number): Promise<Capacity["answer"] | undefined> {
    for (let value = found; value >= 2; value = Math.floor(value * STEP_DOWN)) {
      let held = 0;
      for (let i = 0; i < CONFIRMATIONS; i++) {
        if ((await measure(value, "confirm")).met) held++;
        if (held + CONFIRMATIONS - i - 1 < CONFIRMATIONS - 1) break;
      }
      if (held >= CONFIRMATIONS - 1) return { value, held, of: CONFIRMATIONS };
    }
    return undefined;
  }

  return { steps, climb, confirm };
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
  const connections = grow === "connections" ? value : (bench.connections ?? CONNECTIONS.rate);
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

function toStep(sample: Sample, value: number, purpose: Step["purpose"], clauses: readonly Clause[]): Step {
  const { metrics, meters, invalid } = sample;
  const missed = unmet(clauses, sample);
  // A rate that was not reached is no rate at which anything holds.
  const reached = !invalid.some(({ rule }) => rule === "rate not reached");
  const clientLimited = invalid.some(({ rule }) =>
    ["client saturated", "pacer lag", "kernel drops"].includes(rule),
  );
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
    loss: lossShare(sample),
    serverBusy: meters?.serverCpu == null ? null : meters.serverCpu / meters.elapsed,
    clientLimited: clientLimited || !reached,
  };
}

/** The highest value before the median latency is twice that of the lowest value. */
function kneeOf(steps: readonly Step[]): number | null {
  const rows = [...steps].sort((a, b) => a.value - b.value).filter(({ p50 }) => p50 !== null);
  const base = rows[0]?.p50;
  if (base == null) return null;
  const beyond = rows.findIndex(({ p50 }) => p50 !== null && p50 > base * 2);
  return beyond <= 0 ? null : rows[beyond - 1].value;
}

/** Whose limit it was: the lowest value that did not hold tells. */
function limitOf(steps: readonly Step[], answer: Capacity["answer"] | undefined): Capacity["limit"] {
  const above = steps
    .filter(({ met, value }) => !met && value > (answer?.value ?? 0))
    .sort((a, b) => a.value - b.value)[0];
  if (!above) return "none found";
  if (above.serverBusy !== null && above.serverBusy > SERVER_SATURATED) return "server";
  return above.clientLimited ? "client" : "server";
}

/** The steps in order of their value, the curve, and the answer as a sentence. */
export function capacityTable(found: Capacity): string {
  const rows = [...found.steps].sort((a, b) => a.value - b.value);
  const cells = rows.map((step) => [
    whole(step.value),
    `${amount(step.achieved)}/s`,
    duration(step.p50 ?? undefined),
    duration(step.p99 ?? undefined),
    duration(step.p999 ?? undefined),
    percent(step.loss),
    step.serverBusy === null ? "–" : percent(step.serverBusy),
    step.met ? "met" : step.unmet.join("; "),
  ]);
  const head = [found.grow, "achieved", "p50", "p99", "p99.9", "loss", "server CPU", found.objective];
  const curve = rows.flatMap(({ value, p99 }) => (p99 === null ? [] : [{ label: whole(value), value: p99 }]));
  return [
    table(head, cells),
    `\np99 by ${found.grow}, logarithmic:`,
    logBars(curve, duration),
    `\n${capacitySentence(found)}`,
  ].join("\n");
}

export function capacitySentence({
  answer,
  knee,
  limit,
  grow,
  objective,
  server,
  protocol,
  steps,
}: Capacity): string {
  const what = grow === "rate" ? "messages a second" : "connections";
  if (!answer)
    return `${protocol} ${server}: "${objective}" held at no ${grow} that was tried, down to ${whole(Math.min(...steps.map(({ value }) => value)))}`;
  const bend = knee === null ? "" : ` The knee, after which the median doubles, is at ${whole(knee)}.`;
  const whose = {
    server: " Beyond it the server was the limit.",
    client: " Beyond it the CLIENT was the limit: the server may do more; use more cores or fleets.",
    "none found": " No limit was found: the highest that can be asked for held.",
  }[limit];
  return `${protocol} ${server} holds "${objective}" at ${whole(answer.value)} ${what} (in ${answer.held} of ${answer.of} repeated samples).${bend}${whose}`;
}
