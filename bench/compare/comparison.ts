/** What a comparison is: plain data, from which text, Markdown and exit code are made. */
import type { Metric } from "../record/metrics.ts";
import type { Fault } from "./correctness.ts";
import type { Unlike } from "./likeness.ts";
import type { Interval } from "./rounds.ts";

/** What is said of one figure; a case of conformance has verdicts of its own kind. */
export type FigureVerdict = "faster" | "slower" | "same" | "undecided";

export type Side = { samples: number; median: number; interval: Interval | null };

/** One figure of one cell. */
export type FigureComparison = {
  metric: string;
  label: string;
  /** Its short name, where there is no room for the label. */
  heading: string;
  unit: Metric["unit"];
  better: Metric["better"];
  class: Metric["class"];
  /** Only tested figures have a verdict; the others are there to be looked at. */
  tested: boolean;
  old: Side;
  new: Side;
  /** Paired rounds behind the change; null where the sides were measured apart. */
  rounds: number | null;
  /** New to old in each of these rounds, in their order; null where there are no pairs or no ratios. */
  ratios: number[] | null;
  /** New to old: a ratio, or for shares a difference; null where neither can be had. The interval is the verdict's. */
  change: { scale: "ratio" | "difference"; estimate: number; interval: Interval | null } | null;
  /** Where the change is of ratios to the yardstick: the ratio of the figures as they were measured. */
  raw?: number;
  verdict: FigureVerdict | null;
  /** What is to be said of the verdict in words, if anything. */
  why: string | null;
  /** Of a tail that was measured in rounds: what the machine's pauses did to it. */
  pauses?: Pauses;
};

/** The share of slices that were left out for a pause of the machine's, theirs or their block's; and the median tail with them. */
export type Pauses = { paused: number; withPauses: number };

export type CellComparison = {
  name: string;
  scenario: string;
  variant: string;
  /** Null where the servers are the two sides. */
  server: string | null;
  rows: FigureComparison[];
  /** How many samples broke a rule of validity, and which. */
  discarded: { old: number; new: number; rules: string[] };
  /** Labels of figures to test of which one side has no valid sample. */
  missing: { old: string[]; new: string[] };
};

/** The geometric mean of one class of figures over all cells that have it; its interval holds as theirs do. */
export type Mean = { name: string; cells: number; ratio: number; interval: Interval | null };

export type Comparison = {
  schema: "sockbench-comparison/1";
  old: { name: string; record: string; startedAt: string };
  new: { name: string; record: string; startedAt: string };
  threshold: number;
  /** Chance of one false alarm over all tested figures and looks. */
  level: number;
  /** How often the run that made the samples may have looked at them. */
  looks: number;
  /** How many figures were tested. */
  tests: number;
  /** Whether records were compared by the yardstick that both have: SHA-256 of its source; null where not. */
  yardstick: string | null;
  faults: Fault[];
  cells: CellComparison[];
  means: Mean[];
  /** Cells that only one side has: not compared. */
  onlyOld: string[];
  onlyNew: string[];
  /** What differs and was overlooked by force. */
  unlike: Unlike[];
  notes: string[];
};

/** Whether they are two servers of one run, of which none is newer; a revision of --against is. */
export const isSideBySide = ({ old, new: now }: Pick<Comparison, "old" | "new">): boolean =>
  old.record === now.record && !old.name.includes("@");

/** Whether there were figures, but all samples of them broke a rule of validity: then nothing was compared. */
export const isVoid = ({ tests, cells }: Comparison): boolean =>
  tests === 0 && cells.some(({ discarded }) => discarded.old + discarded.new > 0);

/** What makes the exit code: something newly wrong, something slower, anything that differs. */
export const gates = ["wrong", "regression", "change"] as const;
export type Gate = (typeof gates)[number];

/** Whether a comparison fails at a gate; each gate holds what the ones before it hold. */
export function fails(comparison: Comparison, gate: Gate): boolean {
  const verdicts = comparison.cells.flatMap(({ rows }) => rows.map(({ verdict }) => verdict));
  if (comparison.faults.some(({ change }) => change === "new")) return true;
  if (gate !== "wrong" && verdicts.includes("slower")) return true;
  return gate === "change" && verdicts.includes("faster");
}
