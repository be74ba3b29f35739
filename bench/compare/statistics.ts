/**
 * Do two sets of samples differ, by how much, and could these samples have shown it? No sockets, no records.
 *
 * Medians, rank sums, the error function and probit are those of `simple-statistics`. No npm library of a
 * reasonable size has the exact null distribution of the Mann–Whitney test with ties, nor the interval that
 * belongs to it, so that those two are composed here: the distribution by the shift algorithm (Streitberg and
 * Röhmel 1986), the interval by inverting the test (Hodges and Lehmann 1963, as `wilcox.test` of R does).
 */
import { errorFunction, median, probit, wilcoxonRankSum } from "simple-statistics";

export type Interval = { low: number; high: number };

/** Intervals are 95 % throughout. */
const TAIL = 0.025;
const TAIL_Z = 1.959964;

/** Up to so many samples, both sides together, the distribution is exact; it costs the cube of their number. */
const EXACT_UP_TO = 50;
/** Up to so many samples the binomial distribution behind the median's interval is exact. */
const BINOMIAL_UP_TO = 500;

/** Share of the normal distribution below z; the library's own table has four digits, too few for small p. */
export const normalBelow = (z: number) => (1 + errorFunction(z / Math.SQRT2)) / 2;

/**
 * Two-sided p of the Mann–Whitney test: were both sides the same, how often would the ranks lie at least as far
 * apart? Exact, ties included, for few samples; else normal with the corrections for ties and continuity.
 */
export function rankTest(a: readonly number[], b: readonly number[]): number {
  const m = a.length;
  const n = b.length;
  if (m === 0 || n === 0) return 1;
  const ranks = doubledRanks([...a, ...b]);
  const distance = Math.abs(wilcoxonRankSum([...a], [...b]) - (m * (m + n + 1)) / 2);
  if (m + n <= EXACT_UP_TO) return shareAtLeastAsFar(ranks, m, distance);
  const tied = new Map<number, number>();
  for (const rank of ranks) tied.set(rank, (tied.get(rank) ?? 0) + 1);
  const total = m + n;
  const ties = [...tied.values()].reduce((sum, t) => sum + t ** 3 - t, 0) / (total * (total - 1));
  const variance = ((m * n) / 12) * (total + 1 - ties);
  if (variance <= 0) return 1;
  return Math.min(1, 2 * normalBelow(-Math.max(0, distance - 0.5) / Math.sqrt(variance)));
}

/** Twice the rank of each value, in rising order; equal values share the middle of their ranks, so twice is whole. */
function doubledRanks(values: number[]): number[] {
  const sorted = values.toSorted((x, y) => x - y);
  const ranks: number[] = [];
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (to < sorted.length && sorted[to] === sorted[from]) to++;
    for (let i = from; i < to; i++) ranks.push(from + to + 1);
    from = to;
  }
  return ranks;
}

/** Of all ways to choose m of the ranks, the share whose sum lies at least `distance` from the mean. */
function shareAtLeastAsFar(ranks: number[], m: number, distance: number): number {
  const ways = waysToSum(ranks, m);
  const mean = m * (ranks.length + 1);
  let all = 0;
  let far = 0;
  ways.forEach((count, sum) => {
    all += count;
    // Sums are of doubled ranks and whole: half a unit of slack is safe from rounding.
    if (Math.abs(sum - mean) >= 2 * distance - 0.5) far += count;
  });
  return far / all;
}

/** The shift algorithm: entry s is the number of ways to choose m of the ranks so that they sum to s. */
function waysToSum(ranks: number[], m: number): Float64Array {
  const most = ranks.slice(-m).reduce((sum, rank) => sum + rank, 0);
  const ways = Array.from({ length: m + 1 }, () => new Float64Array(most + 1));
  ways[0][0] = 1;
  ranks.forEach((rank, index) => {
    for (let chosen = Math.min(m, index + 1); chosen > 0; chosen--) {
      const less = ways[chosen - 1];
      const here = ways[chosen];
      for (let sum = most; sum >= rank; sum--) here[sum] += less[sum - rank];
    }
  });
  return ways[m];
}

/** The smallest p that so many samples can give: that of two sides which do not overlap at all. */
export function smallestP(m: number, n: number): number {
  let ways = 1;
  for (let i = 1; i <= m; i++) ways *= (n + i) / i;
  return Math.min(1, 2 / ways);
}

/** Of the m·n sorted differences, the number (from 1) at which the 95 % interval begins; 0 where none can. */
function intervalRank(m: number, n: number): number {
  if (smallestP(m, n) > 2 * TAIL) return 0;
  if (m + n > EXACT_UP_TO)
    return Math.max(1, Math.floor((m * n) / 2 - TAIL_Z * Math.sqrt((m * n * (m + n + 1)) / 12)));
  const ranks = Array.from({ length: m + n }, (_, index) => 2 * (index + 1));
  const ways = waysToSum(ranks, m);
  const all = ways.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (let u = 0; ; u++) {
    below += ways[m * (m + 1) + 2 * u];
    if (below / all > TAIL) return u;
  }
}

export type Shift = { estimate: number; interval: Interval | null };

/** By how much b lies above a: the median of all differences (Hodges–Lehmann) with its 95 % interval. */
export function shift(a: readonly number[], b: readonly number[]): Shift {
  const differences = new Float64Array(a.length * b.length);
  b.forEach((y, j) => {
    a.forEach((x, i) => {
      differences[j * a.length + i] = y - x;
    });
  });
  differences.sort();
  const rank = intervalRank(a.length, b.length);
  return {
    estimate: median([...differences]),
    interval:
      rank === 0 ? null : { low: differences[rank - 1], high: differences[differences.length - rank] },
  };
}

/** How many times a is b, with its 95 % interval: the shift of logarithms. All values must be above 0. */
export function ratio(a: readonly number[], b: readonly number[]): Shift {
  const { estimate, interval } = shift(a.map(Math.log), b.map(Math.log));
  return {
    estimate: Math.exp(estimate),
    interval: interval && { low: Math.exp(interval.low), high: Math.exp(interval.high) },
  };
}

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

/** Holm's correction (1979): p values as if each had been the only one, in the order given. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, index) => index).sort((i, j) => ps[i] - ps[j]);
  const adjusted = new Array<number>(ps.length);
  let least = 0;
  order.forEach((index, place) => {
    least = Math.max(least, Math.min(1, ps[index] * (ps.length - place)));
    adjusted[index] = least;
  });
  return adjusted;
}

/** How sure a comparison of `samplesNeeded` samples is to show the difference asked for. */
const POWER = 0.9;
/** Pairs of different samples, counted in both orders: those of five samples per side. */
const LEAST_PAIRS = 40;

/**
 * Samples per side that show a shift of `delta` at `level` nine times of ten, after Noether (1987):
 * `n = ((z(1 - level/2) √(1/6) + z(0.9) √v) / (q - ½))²`, where q is how often a value shifted by delta lies
 * above another one, and v the variance of that, 1/6 but never above its bound q (1 - q), which matters where
 * the sides hardly overlap. q is counted in the samples themselves, over all pairs of one side, so that no shape
 * of the noise is assumed; no n is below that which can reach the level at all. That one alone is told, as
 * `atLeast`, where there are too few pairs to know the noise.
 */
export function samplesNeeded(
  sides: readonly (readonly number[])[],
  delta: number,
  level: number,
): { samples: number; atLeast: boolean } {
  let above = 0;
  let pairs = 0;
  for (const side of sides)
    side.forEach((x, i) => {
      side.forEach((y, j) => {
        if (i === j) return;
        pairs++;
        above += y + delta > x ? 1 : y + delta === x ? 0.5 : 0;
      });
    });
  let least = 2;
  while (smallestP(least, least) > level) least++;
  const q = above / pairs;
  if (pairs < LEAST_PAIRS || q <= 0.5) return { samples: least, atLeast: true };
  const reach =
    probit(1 - level / 2) * Math.sqrt(1 / 6) + probit(POWER) * Math.sqrt(Math.min(1 / 6, q * (1 - q)));
  return { samples: Math.max(least, Math.ceil((reach / (q - 0.5)) ** 2)), atLeast: false };
}
