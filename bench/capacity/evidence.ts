/**
 * What shows that an objective was missed by more than a pause of the machine's: somebody's CPU was full, a queue grew, or
 * what was asked for was not done. A pause of some milliseconds moves the tail, but none of these.
 */
import { lossOf } from "../record/cells.ts";
import type { Sample } from "../record/record.ts";
import { cpuShares } from "../record/saturation.ts";
import { amount, duration, percent, whole } from "../record/units.ts";
import { disturbed } from "../record/validity.ts";
import type { Evidence } from "./ask.ts";
import type { Clause } from "./objective.ts";

/** Of a CPU: with so little left, what comes in a burst waits. */
const FULL = 0.9;
/** Less than so much of the rate, or of the deliveries: a pause at the end of a sample costs some per cent. */
const BEHIND = 0.95;
/**
 * By how much the median of the second half is above that of the first where a queue grows, and by how much of the bound
 * at least; or of the time between the two, where that is less: so much of it the server falls behind.
 */
const GROWTH = 1.3;
const GROWTH_OF_BOUND = 0.2;
const GROWTH_OF_TIME = 0.02;
/** Where no latency is asked for. */
const ANY_BOUND = 5e6;

/** The tightest bound of a latency that is asked for, nanoseconds. */
export const boundOf = (clauses: readonly Clause[]): number | undefined => {
  const bounds = clauses.flatMap(({ latency, bound }) => (latency ? [bound] : []));
  return bounds.length === 0 ? undefined : Math.min(...bounds);
};

export const serverFull = (sample: Sample): boolean => (cpuShares(sample).server ?? 0) >= FULL;

/** @param bound the latency that is asked for, ns */
export function evidenceOf(sample: Sample, bound = ANY_BOUND): Evidence[] {
  return [...wrong(sample), ...full(sample), ...slowed(sample), ...queued(sample, bound)];
}

/** Of evidence, what says that the rate was not done: while a queue still grows, a loose bound holds a little longer. */
export const falling = (evidence: readonly Evidence[]): string[] =>
  evidence.flatMap(({ kind, words }) => (kind === "queue" || kind === "behind" ? [words] : []));

/** Whether the machine must be asked before it counts. */
export const doubtful = (evidence: readonly Evidence[]): boolean =>
  evidence.every(({ kind }) => kind === "late");

const wrong = ({ wrong }: Sample): Evidence[] =>
  wrong.map(({ count, words }) => ({ kind: "wrong", words: `${whole(count)} ${words}` }));

function full(sample: Sample): Evidence[] {
  const { server = 0 } = cpuShares(sample);
  const idle = sample.meters?.pacerIdle;
  return [
    ...(serverFull(sample)
      ? [{ kind: "server full", words: `server at ${percent(server)} of a CPU` } as const]
      : []),
    ...(idle !== undefined && 1 - idle >= FULL
      ? [
          {
            kind: "generator full",
            words: `load generator busy for ${percent(1 - idle)} of the time`,
          } as const,
        ]
      : []),
  ];
}

/** What was sent of what was asked for, and delivered in the measured time of what was due in it: shares. */
function doneOf({ metrics, counts, parameters, meters }: Sample): { sent: number; delivered: number } {
  const rate = Number(parameters.rate);
  const each = counts.expected === undefined || !counts.sent ? 1 : counts.expected / counts.sent;
  const due = meters ? (rate * each * meters.elapsed) / 1e9 : 0;
  return {
    sent: metrics.achievedRate === undefined ? 1 : metrics.achievedRate / rate,
    delivered: counts.measured === undefined || due === 0 ? 1 : counts.measured / due,
  };
}

function slowed(sample: Sample): Evidence[] {
  const { counts, parameters } = sample;
  const { sent, delivered } = doneOf(sample);
  const left = counts.undelivered ?? counts.unanswered ?? 0;
  const asked = amount(Number(parameters.rate));
  return [
    ...(sent < BEHIND
      ? [{ kind: "rate not reached", words: `sent ${percent(sent)} of the ${asked}/s asked for` } as const]
      : []),
    // What was lost is told as that.
    ...(delivered < BEHIND * (1 - lossOf([sample]))
      ? [{ kind: "behind", words: `did ${percent(delivered)} of what was due in the measured time` } as const]
      : []),
    ...(left > 0 ? [{ kind: "behind", words: `${whole(left)} undelivered at the end` } as const] : []),
  ];
}

/**
 * Whether the machine was in the way, so that a miss says nothing: unless far less was done than in the time that it left. A
 * server can have lost no more than the time for which it waited for a CPU.
 */
export function inTheWay(sample: Sample): boolean {
  const { meters } = sample;
  if (!disturbed(sample) || !meters || sample.wrong.length > 0) return false;
  const { contended, serverWait, stolen, elapsed } = meters;
  const left = (taken: number) => BEHIND * Math.max(0, 1 - taken - (stolen ?? 0));
  const { sent, delivered } = doneOf(sample);
  const waited = serverWait == null ? (contended ?? 0) : serverWait / elapsed;
  return sent >= left(contended ?? 0) && delivered >= left(waited) * (1 - lossOf([sample]));
}

/** What a server uses of a CPU and waits for it: less than that leaves time to spare. */
const HAS_TIME = 0.75;

/** Whether a queue grew that a lack of CPU time does not explain: server and load generator had some to spare. */
export function grewWithTimeToSpare(sample: Sample, evidence: readonly Evidence[]): boolean {
  const { meters } = sample;
  if (meters?.serverCpu == null || meters.serverWait == null || meters.pacerIdle === undefined) return false;
  const taken = (meters.serverCpu + meters.serverWait) / meters.elapsed + (meters.stolen ?? 0);
  return taken < HAS_TIME && meters.pacerIdle > 1 - FULL && evidence.some(({ kind }) => kind === "queue");
}

/** Latency that rises over the sample's course, or of which even the median is beyond what is asked. */
function queued({ metrics, meters }: Sample, bound: number): Evidence[] {
  const { "firstHalf.p50": first, "secondHalf.p50": second } = metrics;
  if (first === undefined || second === undefined) return [];
  const between = meters ? meters.elapsed / 2 : Number.POSITIVE_INFINITY;
  const least = Math.min(bound * GROWTH_OF_BOUND, between * GROWTH_OF_TIME);
  const grows = second > first * GROWTH && second - first > least;
  const stands = Math.min(first, second) > bound;
  const halves = `median ${duration(first)} in the first half, ${duration(second)} in the second`;
  if (grows) return [{ kind: "queue", words: `the queue grew: ${halves}` }];
  return stands ? [{ kind: "late", words: `most were late: ${halves}` }] : [];
}
