/** An objective, as `--objective` has it: `p99<5ms,loss=0`. Each clause is a metric and a bound. */
import { exitCodes, Failure } from "../../platform/failure.ts";
import type { Sample } from "../record/record.ts";
import { duration, percent } from "../terminal/format.ts";

export type Clause = {
  text: string;
  /** Highest value that is allowed, or that is just not allowed when `below`. */
  bound: number;
  below: boolean;
  /** What the sample has, or undefined where it has too few entries for it. */
  value: (sample: Sample) => number | undefined;
  show: (value: number) => string;
};

const UNITS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };
const LATENCY =
  /^(?:(delivery|first|last|spread|roundTrip)\.)?p(50|90|99|99\.9|99\.99)\s*(<=?)\s*(\d+(?:\.\d+)?)(ns|us|µs|ms|s)$/;
const LOSS = /^loss\s*(<=?|=)\s*(\d+(?:\.\d+)?)(%?)$/;

/** Reads an objective; what cannot be read is named. */
export function parseObjective(text: string): Clause[] {
  const clauses = text.split(",").map((part) => parseClause(part.trim(), text));
  return clauses;
}

function parseClause(part: string, whole: string): Clause {
  const latency = LATENCY.exec(part);
  if (latency) {
    const [, name, p, sign, number, unit] = latency;
    const key = `p${p.replace(".", "")}`;
    const names = name ? [name] : ["delivery", "roundTrip"];
    return {
      text: part,
      bound: Number(number) * UNITS[unit],
      below: sign === "<",
      value: ({ metrics }) =>
        names.map((name) => metrics[`${name}.${key}`]).find((value) => value !== undefined),
      show: duration,
    };
  }
  const loss = LOSS.exec(part);
  if (loss) {
    const [, sign, number, unit] = loss;
    const bound = Number(number) / (unit === "%" ? 100 : 1);
    return { text: part, bound, below: sign === "<", value: lossShare, show: percent };
  }
  throw new Failure(
    exitCodes.usage,
    `--objective ${whole}: "${part}" is no clause; it takes p99<5ms, last.p99.9<20ms, loss=0 or loss<1%, with commas`,
  );
}

/** What was lost, or not answered, of what was to come. */
export function lossShare({ counts }: Sample): number {
  if (counts.expected !== undefined) return counts.expected > 0 ? counts.lost / counts.expected : 0;
  return counts.sent > 0 ? (counts.missing ?? 0) / counts.sent : 0;
}

/** The clauses that a sample does not meet, in words; one that cannot be told is not met. */
export function unmet(clauses: readonly Clause[], sample: Sample): string[] {
  return clauses.flatMap(({ text, bound, below, value, show }) => {
    const got = value(sample);
    if (got === undefined) return [`${text}: too few deliveries to tell`];
    return (below ? got < bound : got <= bound) ? [] : [`${text}: ${show(got)}`];
  });
}
