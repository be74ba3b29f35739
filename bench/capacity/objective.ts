/**
 * An objective, as `--objective` has it: `p99<5ms,loss=0`. Each clause is a metric and a bound, in the units of that
 * metric; which metrics there are, and which way is better, stands in their descriptions.
 */
import { exitCodes, Failure } from "../../platform/failure.ts";
import { lossOf } from "../record/cells.ts";
import { metrics as builtIn, type Metric, type Metrics, type Unit } from "../record/metrics.ts";
import type { Sample } from "../record/record.ts";
import { valueText } from "../record/units.ts";

export type Clause = {
  text: string;
  unit: Unit;
  bound: number;
  /** Whether it is of latencies: these the machine has, too. */
  latency: boolean;
  /** Whether a value meets the bound. */
  meets: (value: number) => boolean;
  /** What the sample has, or undefined where it has too few entries for it. */
  value: (sample: Sample) => number | undefined;
};

const thousands = { "": 1, k: 1e3, M: 1e6, G: 1e9 };
const binary = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
const units: Record<Unit, Record<string, number>> = {
  ns: { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 },
  "/s": thousands,
  count: thousands,
  bytes: binary,
  "bytes/s": Object.fromEntries(Object.entries(binary).map(([name, size]) => [`${name}/s`, size])),
  share: { "": 1, "%": 0.01 },
};

/** The flag is one line of a few clauses: nothing longer is looked at. */
const MAX_CLAUSE = 80;
const CLAUSE = /^([\w.]+)\s*(<=|>=|<|>|=)\s*(\d+(?:\.\d+)?)(\S*)$/;

const signs: Record<string, (value: number, bound: number) => boolean> = {
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  "=": (value, bound) => value === bound,
  ">=": (value, bound) => value >= bound,
  ">": (value, bound) => value > bound,
};

/** Reads an objective; what cannot be read is named. */
export const parseObjective = (text: string, metrics: Metrics = builtIn): Clause[] =>
  text.split(",").map((part) => parseClause(part.trim(), text, metrics));

function parseClause(part: string, whole: string, metrics: Metrics): Clause {
  const fail = (why: string) =>
    new Failure(
      exitCodes.usage,
      `--objective ${whole}: ${why}; it takes clauses such as p99<5ms, last.p99.9<20ms, loss=0 or loss<1%, with commas`,
    );
  const [, name, sign, number, suffix] = (part.length <= MAX_CLAUSE && CLAUSE.exec(part)) || [];
  if (name === undefined) throw fail(`"${part}" is no clause`);
  const of = metricsNamed(name, metrics);
  if (of.length === 0) throw fail(`there is no metric "${name}"`);
  const [{ unit, better, histogram }] = of;
  const factor = units[unit][suffix];
  if (factor === undefined)
    throw fail(`"${part}" lacks a unit: one of ${Object.keys(units[unit]).filter(Boolean).join(", ")}`);
  if (sign !== "=" && sign.startsWith("<") !== (better === "lower"))
    throw fail(`"${part}" bounds it on the wrong side: of ${name}, ${better} is better`);
  const bound = Number(number) * factor;
  const latency = histogram !== undefined;
  return {
    text: part,
    unit,
    bound,
    latency,
    meets: (value) => signs[sign](value, bound),
    value: valueIn(name, of),
  };
}

/** `p99` is of each delivery, or of round trips; `last.p99.9` has a key without its second point. */
function metricsNamed(name: string, metrics: Metrics): Metric[] {
  const key = name.replace(/p(\d+)\.(\d+)$/, "p$1$2");
  const keys =
    name === "loss" ? ["lossShare"] : /^p\d+$/.test(key) ? [`delivery.${key}`, `roundTrip.${key}`] : [key];
  return keys.flatMap((key) => metrics.get(key) ?? []);
}

/** Loss is counted in every sample, also where it is no metric since a stream loses nothing. */
const valueIn =
  (name: string, of: readonly Metric[]) =>
  (sample: Sample): number | undefined =>
    name === "loss"
      ? lossOf([sample])
      : of.map(({ key }) => sample.metrics[key]).find((value) => value !== undefined);

/** The clauses that a sample does not meet, in words; one that cannot be told is not met. */
export function unmet(clauses: readonly Clause[], sample: Sample): string[] {
  return clauses.flatMap(({ text, unit, meets, value }) => {
    const got = value(sample);
    if (got === undefined) return [`${text}: too few values to tell`];
    return meets(got) ? [] : [`${text}: ${valueText(unit, got)}`];
  });
}
