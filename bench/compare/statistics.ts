/** The spread of samples as it is shown beside their median. What decides a comparison stands in rounds.ts. */
import type { Interval } from "./rounds.ts";

/** 95 % on both sides together, and its z. */
const TAIL = 0.025;
const TAIL_Z = 1.959964;

/** Up to so many samples the binomial distribution behind the median's interval is exact. */
const BINOMIAL_UP_TO = 500;

/**
 * The 95 % interval of a median, from the order of the samples alone: k of n lie below the median as heads
 * fall. Null for fewer than six samples: even their whole range covers the median less than 95 % of the time.
 */
export function medianInterval(values: readonly number[]): Interval | null {
  const n = values.length;
  const sorted = values.toSorted((x, y) => x - y);
  const rank = n > BINOMIAL_UP_TO ? Math.floor(n / 2 - (TAIL_Z * Math.sqrt(n)) / 2) : binomialRank(n);
  return rank === 0 ? null : { low: sorted[rank - 1], high: sorted[n - rank] };
}

/** The largest k for which fewer than k heads of n throws come with at most the tail's probability. */
function binomialRank(n: number): number {
  let probability = 0.5 ** n;
  let below = probability;
  let k = 0;
  while (below <= TAIL) {
    k++;
    probability *= (n - k + 1) / k;
    below += probability;
  }
  return k;
}
