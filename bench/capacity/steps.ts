/** What the steps of a search say together: where the median bends, and whose limit lay beyond the answer. */
import { median } from "../record/cells.ts";
import type { RunRecord } from "../record/record.ts";

export type Capacity = NonNullable<RunRecord["capacity"]>;
export type Step = Capacity["steps"][number];

/** The highest value before the median latency is twice that of the lowest value. */
export function kneeOf(steps: readonly Step[]): number | null {
  const byValue = Map.groupBy(
    steps.filter(({ p50 }) => p50 !== null),
    ({ value }) => value,
  );
  const rows = [...byValue]
    .map(([value, of]) => ({ value, p50: median(of.map(({ p50 }) => p50 ?? 0)) ?? 0 }))
    .sort((a, b) => a.value - b.value);
  const beyond = rows.findIndex(({ p50 }) => p50 > rows[0].p50 * 2);
  return beyond <= 0 ? null : rows[beyond - 1].value;
}

/** A miss that counts against its value. */
const counts = ({ met, hidden, evidence = [] }: Step): boolean => !met && !hidden && evidence.length > 0;

/** The load generator's limit shows as one of these, unless the server had no time left either. */
const ofGenerator = new Set(["generator full", "rate not reached"]);

/** Whose limit it was, by the misses nearest above the answer; and what shows it, in words. */
export function limitOf(
  steps: readonly Step[],
  answer: number,
): { limit: Capacity["limit"]; evidence: string[] } {
  const above = steps.filter((step) => counts(step) && step.value > answer);
  const nearest = Math.min(...above.map(({ value }) => value));
  const misses = above.filter(({ value }) => value <= nearest * NEAR);
  if (misses.length === 0) return { limit: "none found", evidence: [] };
  const found = misses.flatMap(({ evidence = [] }) => evidence);
  const missesWith = (test: (kind: string) => boolean) =>
    misses.filter(({ evidence = [] }) => evidence.some(({ kind }) => test(kind))).length;
  // One sample in which the generator was late is no limit of its own.
  const generator =
    missesWith((kind) => ofGenerator.has(kind)) * 2 > misses.length &&
    missesWith((kind) => kind === "server full") === 0;
  // One sentence of each kind: they differ in figures only.
  const kinds = [...new Map(found.map((one) => [one.kind, one])).values()];
  const first = kinds.filter(({ kind }) => generator === ofGenerator.has(kind));
  return {
    limit: generator ? "client" : "server",
    evidence: [...first, ...kinds.filter((one) => !first.includes(one))].map(({ words }) => words),
  };
}

/** Values so near to each other have failed by the same limit. */
const NEAR = 1.13;
