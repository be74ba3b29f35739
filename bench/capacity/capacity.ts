/**
 * Capacity: the highest rate, or the largest room, at which an objective holds. Here the questions of search.ts are asked
 * of a server, each by as many samples as ask.ts takes; beside a miss that nothing explains, the machine is asked, too.
 */
import { now } from "../../platform/clock.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { protocolOf } from "../../protocols/index.ts";
import type { ServerSource } from "../../targets/server.ts";
import { lossOf } from "../record/cells.ts";
import type { Sample } from "../record/record.ts";
import { amount, duration, whole } from "../record/units.ts";
import { generatorLate } from "../record/validity.ts";
import { type RunResult, type Session, type SessionOptions, withSession } from "../run/session.ts";
import { roomCell } from "../scenarios/fanout.ts";
import type { BenchOptions, Cell } from "../scenarios/scenario.ts";
import { sumCell } from "../scenarios/sum.ts";
import { ask, type Finding, MOST_SAMPLES } from "./ask.ts";
import { boundOf, doubtful, evidenceOf, falling, grewWithTimeToSpare, inTheWay } from "./evidence.ts";
import { type Clause, parseObjective, unmet } from "./objective.ts";
import { type Outcome, type Purpose, searchHighest } from "./search.ts";
import { type Capacity, kneeOf, limitOf, type Step } from "./steps.ts";
import { startYardstick, type Yardstick } from "./yardstick.ts";

export type CapacityOptions = SessionOptions & {
  source: ServerSource;
  protocol: string;
  objective: string;
  grow: "rate" | "connections";
  bench: BenchOptions;
  onStep?: (words: string) => void;
};

/** A search is bounded whatever the server and the machine do. */
const MAX_STEPS = 80;
const MAX_SEARCH_NS = 300e9;
const START = { rate: 250, connections: 10 };
const MOST = { rate: 1_000_000, connections: 20_000 };
/** Connections while the rate grows, and the rate while the connections do. */
const CONNECTIONS_WHILE_GROWING = 100;
const RATE_WHILE_GROWING = 50;
/** What a p99 takes, and two medians to compare. */
const ENOUGH_DELIVERIES = 1100;
const ENOUGH_MESSAGES = 50;
const MAX_SECONDS = 5;
/** The machine's own tail beyond so much of the bound leaves no room for the server's. */
const WELL_BELOW = 0.5;

export async function capacity(options: CapacityOptions): Promise<RunResult> {
  const clauses = parseObjective(options.objective);
  return withSession(options, async (session) => {
    const yardstick = await startYardstick(session, options.interrupted);
    const search: Search = { session, options, clauses, steps: [], yardstick, begin: now() };
    try {
      const outcome = await searchHighest((value, purpose) => askAt(search, value, purpose), {
        start: startOf(options),
        most: MOST[options.grow],
        more: () => hasTime(search),
      });
      keep(search, tell(outcome, search));
    } catch (error) {
      // What the steps until then say is kept: of a machine that became too busy, or a server that ended.
      if (error instanceof Failure && search.steps.length > 0)
        keep(search, { answer: null, unjudged: error.message });
      throw error;
    } finally {
      await yardstick.stop();
    }
  });
}

/** Writes a search into the record, as far as it has come. */
function keep({ session, options, steps }: Search, told: Pick<Capacity, "answer" | "unjudged">): void {
  const { protocol, source, objective, grow } = options;
  session.record.capacity = {
    ...{ protocol, server: source.name, objective, grow, steps, ...told },
    knee: kneeOf(steps),
    ...limitOf(steps, told.answer?.value ?? 0),
  };
}

type Search = {
  session: Session;
  options: CapacityOptions;
  clauses: readonly Clause[];
  /** Every sample so far. */
  steps: Step[];
  yardstick: Yardstick;
  begin: number;
};

const hasTime = ({ steps, begin }: Search) => steps.length < MAX_STEPS && now() - begin < MAX_SEARCH_NS;

async function askAt(search: Search, value: number, purpose: Purpose) {
  const { verdict, findings } = await ask(
    () => measure(search, value, purpose),
    () => hasTime(search),
  );
  const last = search.steps[search.steps.length - 1];
  if (verdict === "failed" && last.evidence?.length === 0) last.evidence = [tailOf(findings)];
  // It counts after all, since it was so again and again.
  if (verdict === "failed") last.hidden = false;
  return verdict;
}

/** Missed again and again, and the machine, asked right afterwards, had no such tail. */
function tailOf(findings: readonly Step[]): NonNullable<Step["evidence"]>[number] {
  const quiet = findings.filter(({ hidden }) => !hidden);
  const { unmet, machine } = quiet[quiet.length - 1];
  const beside = machine
    ? ` while the machine's own ${machine.percentile} was ${duration(machine.value)}`
    : "";
  return { kind: "tail", words: `${unmet.join("; ")}, missed in ${quiet.length} samples${beside}` };
}

/** One sample, which becomes a step; after a miss that nothing explains, one of the machine alone. */
async function measure(search: Search, value: number, purpose: Purpose): Promise<Step & Finding> {
  const { session, options, clauses, steps, yardstick } = search;
  const { grow, source, onStep } = options;
  const sample = await session.sample(
    { cell: cellAt(options, value), source },
    { skipMissing: false, onProgress: () => {} },
  );
  if (!sample) throw new Failure(exitCodes.unreachable, "the server failed to start");
  const step = toStep(sample, value, purpose, clauses);
  steps.push(step);
  const clause = !step.met && (step.hidden || doubtful(step.evidence)) && missedLatency(clauses, sample);
  const hopeless = clause ? besideMachine(step, clause, await yardstick.read(clause)) : false;
  onStep?.(`${grow} ${whole(value)}: ${fateOf(step)}`);
  return { ...step, hopeless };
}

/** Notes the machine's own latency with a miss, and whether that hides it; resolves with whether it always will. */
function besideMachine(step: Step, { bound }: Clause, machine: Step["machine"]): boolean {
  // An echo without enough replies for a median says enough of the machine.
  if (!machine) {
    step.hidden = true;
    return false;
  }
  const most = bound * WELL_BELOW;
  Object.assign(step, { machine, hidden: step.hidden || machine.value > most });
  return machine.p50 > most;
}

/** The tightest of the latencies that were missed. */
const missedLatency = (clauses: readonly Clause[], sample: Sample): Clause | undefined =>
  clauses
    .filter((clause) => clause.latency && unmet([clause], sample).length > 0)
    .sort((a, b) => a.bound - b.bound)[0];

const DOES_NOT_COUNT = "does not count: the machine was in the way";

/** What became of a step, in words. */
export function fateOf({ met, unmet, hidden, machine, evidence = [] }: Step): string {
  if (met) return "met";
  const own = machine ? [`the machine's own ${machine.percentile}: ${duration(machine.value)}`] : [];
  const why = evidence.flatMap(({ words }) => (unmet.includes(words) ? [] : [words]));
  const fate = hidden ? [DOES_NOT_COUNT] : evidence.length === 0 ? ["taken again"] : [];
  return [...unmet, ...why, ...own, ...fate].join("; ");
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
  const enough = Math.max(ENOUGH_DELIVERIES / (rate * each), ENOUGH_MESSAGES / rate);
  const duration = Math.min(MAX_SECONDS, Math.max(bench.duration ?? 1, enough));
  const options: BenchOptions = { ...bench, connections, rate, warmup: bench.warmup ?? 0.3, duration };
  const cell = room
    ? roomCell(protocol, connections, "open", options)
    : sumCell(protocol, { loop: "open", rate }, options);
  return { ...cell, scenario: "capacity", variant: `${protocol} ${connections} at ${rate}/s` };
}

/** What a sample at a value says of the objective. */
export function toStep(
  sample: Sample,
  value: number,
  purpose: Purpose,
  clauses: readonly Clause[],
): Step & Finding {
  const { metrics, meters, invalid } = sample;
  const missed = unmet(clauses, sample);
  // A rate that was not reached is no rate at which anything holds.
  const reached = !invalid.some(({ rule }) => rule === "rate not reached");
  const problems = [...sample.wrong.map(({ words, count }) => `${count} ${words}`), ...missed];
  if (!reached) problems.push(`reached ${amount(metrics.achievedRate)}/s`);
  const evidence = evidenceOf(sample, boundOf(clauses));
  if (problems.length === 0) problems.push(...falling(evidence));
  const at = (name: string) => metrics[`delivery.${name}`] ?? metrics[`roundTrip.${name}`] ?? null;
  const met = problems.length === 0;
  return {
    value,
    purpose,
    met,
    unmet: problems,
    achieved: metrics.achievedRate ?? 0,
    p50: at("p50"),
    p99: at("p99"),
    p999: at("p999"),
    loss: lossOf([sample]),
    serverBusy: meters?.serverCpu == null ? null : meters.serverCpu / meters.elapsed,
    clientLimited: generatorLate(sample) || !reached,
    evidence: met ? [] : evidence,
    hidden: !met && inTheWay(sample),
    suspect: !met && grewWithTimeToSpare(sample, evidence),
  };
}

/** The answer, or why there is none. */
function tell(outcome: Outcome, { steps, options, clauses }: Search): Pick<Capacity, "answer" | "unjudged"> {
  if ("answer" in outcome) return { answer: outcome.answer };
  const unjudged =
    "unjudged" in outcome
      ? machineWords(steps, outcome.unjudged, options.objective, clauses)
      : `no capacity was found within ${steps.length} samples: it lies between ${whole(outcome.undecided.from)} and ${whole(outcome.undecided.to)}`;
  return { answer: null, unjudged };
}

/** Why nothing can be said here: what the machine by itself did meanwhile. */
export function machineWords(
  steps: readonly Step[],
  value: number,
  objective: string,
  clauses: readonly Clause[],
): string {
  const here = steps.filter((step) => step.value === value && !step.met).slice(-MOST_SAMPLES);
  const bound = boundOf(clauses) ?? Number.POSITIVE_INFINITY;
  const own = here.flatMap(({ machine }) => (machine && machine.value > bound * WELL_BELOW ? [machine] : []));
  const typical = own.sort((a, b) => a.value - b.value)[own.length >> 1];
  const why = typical
    ? `the machine's own ${typical.percentile} is ${duration(typical.value)}`
    : "other programs, or the hypervisor, took the CPUs of server and load generator";
  return `${objective} cannot be judged here: ${why}`;
}
