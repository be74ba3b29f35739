/**
 * When a sample is discarded. Each rule is a pure function of the sample, so that it can be applied to a
 * record again: its name, what it measures, its limit and unit, and words that say what to do.
 */
import type { Invalidity, Sample } from "./record.ts";
import { isOpen } from "./saturation.ts";

/** Whether a sample counts: it broke no rule. */
export const isValid = ({ invalid }: Pick<Sample, "invalid">): boolean => invalid.length === 0;

export type Rule = {
  name: string;
  unit: string;
  limit: number;
  /** What is measured, or undefined where the rule does not apply. */
  value: (sample: Sample) => number | undefined;
  /** Whether a value above the limit breaks it, or one below. */
  bad: "above" | "below";
  words: string;
  /**
   * Whose doing it is, where it is not the server's: of the machine's state, so that later, or elsewhere, the same may
   * hold; or of the load generator, which could not do what was asked of it.
   */
  whose?: "machine" | "load generator";
};

const busy = ({ meters }: Sample) => (meters?.pacerIdle === undefined ? undefined : 1 - meters.pacerIdle);
const ratio = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b;

export const rules: readonly Rule[] = [
  {
    name: "stolen CPU",
    whose: "machine",
    unit: "share",
    limit: 0.1,
    bad: "above",
    value: ({ meters }) => meters?.stolen ?? undefined,
    words: "the hypervisor gave this CPU time to others; run again when the machine is quieter",
  },
  {
    name: "CPU contended",
    whose: "machine",
    unit: "of the measured time",
    limit: 0.25,
    bad: "above",
    value: ({ meters }) => meters?.contended ?? undefined,
    words: "other programs used the CPUs of the server or a fleet, which waited; stop them, or run again",
  },
  {
    name: "busy neighbour",
    unit: "of a CPU",
    limit: 0.15,
    bad: "above",
    value: ({ meters }) => meters?.othersIdle ?? undefined,
    words:
      "a server that was compared with this one used the CPU while it was not driven; stop what it does when idle, or measure each in a run of its own",
  },
  {
    name: "CPUs shared",
    unit: "of the measured time",
    limit: 0.25,
    bad: "above",
    value: ({ meters }) => meters?.shared ?? undefined,
    words:
      "server and fleet ran on the same CPUs, and a fleet waited for one; let --exec start the server, or pin it by --pin-target, on a machine of two cores or more",
  },
  {
    name: "load generator saturated",
    whose: "load generator",
    unit: "share",
    limit: 0.9,
    bad: "above",
    value: (sample) => (isOpen(sample) ? busy(sample) : undefined),
    words:
      "the load generator used its whole CPU, so that its own delay is in the latency; lower --rate or add --fleets",
  },
  {
    name: "rate not reached",
    unit: "of the asked rate",
    limit: 0.99,
    bad: "below",
    value: ({ metrics, parameters }) => ratio(metrics.achievedRate, Number(parameters.rate ?? Number.NaN)),
    words: "fewer messages were sent than asked for; lower --rate",
  },
  {
    name: "pacer lag",
    whose: "load generator",
    unit: "of the median latency",
    limit: 0.1,
    bad: "above",
    value: ({ metrics }) =>
      ratio(metrics["pacerLag.p50"], metrics["delivery.p50"] ?? metrics["roundTrip.p50"]),
    words: "messages were offered late, and the latency counts that; lower --rate or add --fleets",
  },
  {
    name: "kernel drops",
    whose: "load generator",
    unit: "datagrams",
    limit: 0,
    bad: "above",
    value: ({ counts }) => counts.droppedAtClients,
    words:
      "the load generator's own receive buffers overflowed: this loss is not the server's; lower --rate or raise net.core.rmem_max",
  },
  {
    name: "not delivered in time",
    unit: "deliveries",
    limit: 0,
    bad: "above",
    value: ({ counts }) => counts.undelivered ?? counts.unanswered,
    words:
      "these had not arrived when the quiet time ran out: the server is slow, or keeps them for ever; lower --rate, --window or --senders, or raise --duration",
  },
  {
    name: "load generator fell behind",
    unit: "connections",
    limit: 0,
    bad: "above",
    value: ({ counts }) => counts.fellBehind,
    words:
      "the server ended connections to which it owed more than the protocol asks it to keep: the fleet did not read in time; lower --rate, --size, --window or --senders, or add --fleets",
  },
  {
    name: "clock step",
    whose: "machine",
    unit: "ns",
    limit: 1e6,
    bad: "above",
    value: ({ meters }) => (meters ? Math.abs(meters.clockStep) : undefined),
    words: "the wall clock was set while measuring; run again",
  },
  {
    name: "clocks not known well enough",
    unit: "of the median latency",
    limit: 0.1,
    bad: "above",
    value: ({ metrics }) => ratio(metrics.clockBound, metrics["delivery.p50"]),
    words:
      "latencies between machines may be wrong by this much; use machines that are nearer to each other, or look at those within one machine (near)",
  },
  {
    name: "clocks contradicted",
    unit: "pairs of machines",
    limit: 0,
    bad: "above",
    value: ({ counts }) => counts.clocksContradicted,
    words:
      "a message came before it was sent, by more than the clocks may be wrong: no latency between these machines can be believed; run again",
  },
  {
    name: "too few values",
    unit: "deliveries",
    limit: 1000,
    bad: "below",
    value: ({ counts }) => counts.measured,
    words: "too few for a p99; raise --duration or --rate",
  },
  {
    name: "server restarted",
    unit: "restarts",
    limit: 0,
    bad: "above",
    value: ({ counts }) => counts.serverRestarts,
    words: "the process at the target's port changed while measuring",
  },
  {
    name: "no steady state",
    unit: "of the first half",
    limit: 0.3,
    bad: "above",
    value({ counts, parameters }) {
      const { firstHalf, secondHalf } = counts;
      if (parameters.loop !== "closed" || !firstHalf) return undefined;
      return Math.abs(secondHalf / firstHalf - 1);
    },
    words:
      "the rate of the second half of the sample differs from that of the first; raise --warmup or --duration",
  },
];

/** The rules that a sample breaks. */
export function judge(sample: Sample): Invalidity[] {
  return rules.flatMap(({ name, unit, limit, value: measure, bad, words }) => {
    const value = measure(sample);
    if (value === undefined || Number.isNaN(value)) return [];
    const broken = bad === "above" ? value > limit : value < limit;
    return broken ? [{ rule: name, value, limit, unit, words }] : [];
  });
}

const rulesOf = (who: Rule["whose"]) =>
  new Set(rules.flatMap(({ name, whose }) => (whose === who ? [name] : [])));
const ofMachine = rulesOf("machine");
const ofGenerator = rulesOf("load generator");

/** Whether the machine's state is a reason, and not the only one perhaps, for which a sample is discarded. */
export const disturbed = ({ invalid }: Pick<Sample, "invalid">): boolean =>
  invalid.some(({ rule }) => ofMachine.has(rule));

/** Whether the load generator could not do what was asked of it. */
export const generatorLate = ({ invalid }: Pick<Sample, "invalid">): boolean =>
  invalid.some(({ rule }) => ofGenerator.has(rule));
