/**
 * The comparison of two sides, sample by sample taken from records: plain data, which the renderers print.
 * What is tested stands in family.ts, what must be equal in likeness.ts, the mathematics in statistics.ts.
 *
 * A difference is shown when it is significant at 1 % after Holm's correction over all tested figures of the
 * comparison, and at least as large as the threshold. Holm, which bounds the chance of a single false alarm,
 * since the whole comparison ends in one exit code; 1 %, since a check that runs on every change must not cry
 * wolf once in twenty: over 5 % it costs one or two samples a side.
 */
import { geometricMean, median } from "simple-statistics";
import { exitCodes, Failure } from "../failure.ts";
import { type Metric, metrics } from "../metrics.ts";
import type { RunRecord, Sample } from "../record.ts";
import { compareFaults, type Fault } from "./correctness.ts";
import { classes, isTested } from "./family.ts";
import { type Unlike, unlikeEnvironments, unlikeParameters } from "./likeness.ts";
import { holm, type Interval, medianInterval, rankTest, ratio, samplesNeeded, shift } from "./statistics.ts";

/** Chance of one false alarm in a comparison of two equal sides, over all of its tested figures. */
export const LEVEL = 0.01;
export const DEFAULT_THRESHOLD = 0.05;
/** Least difference of a share, such as that of lost messages: a point of a hundred, where no ratio makes sense. */
const LEAST_POINTS = 0.01;

export type CompareOptions = {
  /** Least relative change that counts, 0.05 unless told. */
  threshold?: number;
  /** Compares unlike machines, versions or parameters all the same. */
  force?: boolean;
};

export type Verdict = "faster" | "slower" | "~" | "unknown";

export type Side = { samples: number; median: number; interval: Interval | null };

/** One figure of one cell. */
export type Row = {
  metric: string;
  label: string;
  unit: Metric["unit"];
  better: Metric["better"];
  /** Only tested figures have a verdict; the others are there to be looked at. */
  tested: boolean;
  old: Side;
  new: Side;
  /** New to old: a ratio, or for shares a difference; null where neither can be had. */
  change: { scale: "ratio" | "difference"; estimate: number; interval: Interval | null } | null;
  p: number;
  /** p after correction; null for figures that are not tested. */
  corrected: number | null;
  verdict: Verdict | null;
  /**
   * When the verdict is unknown: samples a side that would show a change as large as the one seen here, or of
   * the threshold's size where that is more. Only a bound from below when `atLeast`.
   */
  needed: { samples: number; atLeast: boolean } | null;
  /** What is to be said of the verdict in words, if anything. */
  why: string | null;
};

export type Cell = {
  name: string;
  scenario: string;
  variant: string;
  /** Null where the servers are the two sides. */
  server: string | null;
  rows: Row[];
  /** Samples that broke a rule of validity, and which. */
  leftOut: { old: number; new: number; rules: string[] };
};

/** The geometric mean of one class of figures over all cells that have it. */
export type Mean = { name: string; cells: number; ratio: number; interval: Interval | null };

export type Comparison = {
  schema: "sockbench-comparison/1";
  old: { name: string; record: string; startedAt: string };
  new: { name: string; record: string; startedAt: string };
  threshold: number;
  level: number;
  /** How many figures were tested. */
  tests: number;
  faults: Fault[];
  cells: Cell[];
  means: Mean[];
  /** Cells that only one side has: not compared. */
  onlyOld: string[];
  onlyNew: string[];
  /** What differs and was overlooked by force. */
  unlike: Unlike[];
  notes: string[];
};

/** Compares two records, each server with itself. */
export function compareRecords(old: RunRecord, now: RunRecord, options: CompareOptions = {}): Comparison {
  const keyOf = (sample: Sample) => JSON.stringify([sample.scenario, sample.variant, sample.server]);
  const notes = [
    "The records were made one after the other: what the machine did in between counts as change. " +
      "`bench --against <revision>` interleaves both in one run.",
  ];
  return compareSides(
    { name: "old", record: old, samples: old.samples },
    { name: "new", record: now, samples: now.samples },
    { keyOf, unlike: unlikeEnvironments(old, now), notes, options },
  );
}

/** Compares two servers of one record. */
export function compareServers(
  record: RunRecord,
  a: string,
  b: string,
  options: CompareOptions = {},
): Comparison {
  const servers = [...new Set(record.samples.map((sample) => sample.server))];
  for (const name of [a, b])
    if (!servers.includes(name))
      throw new Failure(
        exitCodes.usage,
        `record ${record.id} has no server "${name}": there is ${servers.join(", ") || "none"}`,
      );
  const of = (server: string) => record.samples.filter((sample) => sample.server === server);
  const keyOf = (sample: Sample) => JSON.stringify([sample.scenario, sample.variant, null]);
  return compareSides(
    { name: a, record, samples: of(a) },
    { name: b, record, samples: of(b) },
    { keyOf, unlike: [], notes: [], options },
  );
}

type Source = { name: string; record: RunRecord; samples: Sample[] };
type How = { keyOf: (sample: Sample) => string; unlike: Unlike[]; notes: string[]; options: CompareOptions };

function compareSides(old: Source, now: Source, { keyOf, unlike, notes, options }: How): Comparison {
  const { threshold = DEFAULT_THRESHOLD, force = false } = options;
  const before = Map.groupBy(old.samples, keyOf);
  const after = Map.groupBy(now.samples, keyOf);
  const shared = [...before.keys()].filter((key) => after.has(key));
  const severalServers = new Set(shared.map((key) => JSON.parse(key)[2])).size > 1;
  const nameOf = (key: string) => cellName(key, severalServers);
  if (shared.length === 0)
    throw new Failure(
      exitCodes.untrusted,
      `${old.name} and ${now.name} have no cell in common: ${list(before, nameOf)} and ${list(after, nameOf)}`,
    );
  const differences = [
    ...unlike,
    ...shared.flatMap((key) => unlikeParameters(nameOf(key), before.get(key)!, after.get(key)!)),
  ];
  if (differences.length > 0 && !force) refuse(old.name, now.name, differences);

  const cells = shared.map((key) => compareCell(key, nameOf(key), before.get(key)!, after.get(key)!));
  judge(cells, threshold);
  return {
    schema: "sockbench-comparison/1",
    old: { name: old.name, record: old.record.id, startedAt: old.record.startedAt },
    new: { name: now.name, record: now.record.id, startedAt: now.record.startedAt },
    threshold,
    level: LEVEL,
    tests: cells.flatMap(({ rows }) => rows).filter((row) => row.tested).length,
    faults: shared.flatMap((key) => compareFaults(nameOf(key), before.get(key)!, after.get(key)!)),
    cells: cells.map(({ values: _, ...cell }) => cell),
    means: meansOf(cells),
    onlyOld: [...before.keys()].filter((key) => !after.has(key)).map(nameOf),
    onlyNew: [...after.keys()].filter((key) => !before.has(key)).map(nameOf),
    unlike: differences,
    notes: [...notes, ...partialNotes(old, now)],
  };
}

function cellName(key: string, withServer: boolean): string {
  const [scenario, variant, server] = JSON.parse(key);
  return [scenario, variant, ...(withServer && server ? [server] : [])].filter(Boolean).join(" ");
}

const list = (cells: Map<string, Sample[]>, nameOf: (key: string) => string) =>
  [...cells.keys()].slice(0, 3).map(nameOf).join(", ") || "nothing";

function refuse(old: string, now: string, differences: Unlike[]): never {
  const shown = differences.slice(0, 6).map((one) => `${one.field} (${one.old} and ${one.new})`);
  if (differences.length > shown.length) shown.push(`${differences.length - shown.length} more`);
  throw new Failure(
    exitCodes.untrusted,
    `${old} and ${now} are not alike, they differ in ${shown.join("; ")}; --force compares them all the same`,
  );
}

function partialNotes(old: Source, now: Source): string[] {
  const records = [...new Set([old.record, now.record])];
  return records.flatMap(({ id, partial }) =>
    partial === null ? [] : [`Record ${id} is partial: ${partial}.`],
  );
}

/** A cell with the values behind its rows, by figure: old and new. */
type Measured = Cell & { values: Map<string, [number[], number[]]> };

function compareCell(key: string, name: string, old: Sample[], now: Sample[]): Measured {
  const [scenario, variant, server] = JSON.parse(key);
  const [before, after] = [old, now].map((samples) => samples.filter(({ invalid }) => invalid.length === 0));
  const values = new Map<string, [number[], number[]]>();
  for (const metric of Object.keys(metrics)) {
    const [a, b] = [before, after].map((samples) =>
      samples.map((sample) => sample.metrics[metric]).filter((value) => value !== undefined),
    );
    if (a.length > 0 && b.length > 0) values.set(metric, [a, b]);
  }
  const rules = [...old, ...now].flatMap(({ invalid }) => invalid.map(({ rule }) => rule));
  return {
    name,
    scenario,
    variant,
    server,
    rows: [...values].map(([metric, [a, b]]) => compareFigure(metric, a, b, [...before, ...after])),
    leftOut: {
      old: old.length - before.length,
      new: now.length - after.length,
      rules: [...new Set(rules)],
    },
    values,
  };
}

function compareFigure(metric: string, a: number[], b: number[], samples: Sample[]): Row {
  const { label, unit, better } = metrics[metric];
  return {
    metric,
    label,
    unit,
    better,
    tested: isTested(metric, samples),
    old: sideOf(a),
    new: sideOf(b),
    change: changeOf(unit, a, b),
    p: rankTest(a, b),
    corrected: null,
    verdict: null,
    needed: null,
    why: null,
  };
}

const sideOf = (values: number[]): Side => ({
  samples: values.length,
  median: median(values),
  interval: medianInterval(values),
});

function changeOf(unit: Metric["unit"], a: number[], b: number[]): Row["change"] {
  if (unit === "share") return { scale: "difference", ...shift(a, b) };
  return [...a, ...b].every((value) => value > 0) ? { scale: "ratio", ...ratio(a, b) } : null;
}

/** Gives every tested row its verdict; only here is known how many there are. */
function judge(cells: Measured[], threshold: number): void {
  const tested = cells.flatMap(({ rows, values }) =>
    rows.filter((row) => row.tested).map((row) => ({ row, values: values.get(row.metric)! })),
  );
  const corrected = holm(tested.map(({ row }) => row.p));
  tested.forEach(({ row, values }, index) => {
    row.corrected = corrected[index];
    Object.assign(row, verdictOf(row, values, threshold, LEVEL / tested.length));
  });
}

function verdictOf(
  row: Row,
  values: [number[], number[]],
  threshold: number,
  level: number,
): Pick<Row, "verdict" | "needed" | "why"> {
  const plain = (verdict: Verdict, why: string | null = null) => ({ verdict, needed: null, why });
  const { change } = row;
  const significant = row.corrected! <= LEVEL;
  const moved = (more: boolean) => (more === (row.better === "higher") ? "faster" : "slower");
  if (!change) {
    const why = "some values are 0, so that there is no ratio";
    return plain(significant ? moved(shift(...values).estimate > 0) : "unknown", why);
  }
  const isRatio = change.scale === "ratio";
  const effect = Math.abs(isRatio ? change.estimate - 1 : change.estimate);
  if (significant) {
    if (effect < (isRatio ? threshold : LEAST_POINTS))
      return plain("~", "a difference, but below the threshold");
    return plain(moved(change.estimate > (isRatio ? 1 : 0)));
  }
  const delta = isRatio ? Math.log(1 + threshold) : LEAST_POINTS;
  const scaled = isRatio ? values.map((side) => side.map(Math.log)) : values;
  const samples = Math.min(row.old.samples, row.new.samples);
  const enough = samplesNeeded(scaled, delta, level);
  if ((samples >= enough.samples && !enough.atLeast) || isWithin(change, delta)) return plain("~");
  const seen = Math.abs(isRatio ? Math.log(change.estimate) : change.estimate);
  const needed = samplesNeeded(scaled, Math.max(delta, seen), level);
  needed.samples = Math.max(needed.samples, samples + 1);
  return { verdict: "unknown", needed, why: null };
}

/** Whether the whole interval lies below the threshold: then nothing of its size is there, however few samples. */
function isWithin({ scale, interval }: NonNullable<Row["change"]>, delta: number): boolean {
  if (!interval) return false;
  const { low, high } = interval;
  const farthest =
    scale === "ratio"
      ? Math.max(Math.abs(Math.log(low)), Math.abs(Math.log(high)))
      : Math.max(Math.abs(low), Math.abs(high));
  return farthest < delta;
}

/** Over cells; each interval from those of the cells, as if their estimates were normal and independent. */
function meansOf(cells: Cell[]): Mean[] {
  return Object.entries(classes).flatMap(([name, members]) => {
    const changes = cells
      .flatMap(({ rows }) => rows.filter((row) => row.tested && members.includes(row.metric)))
      .flatMap(({ change }) => (change?.scale === "ratio" ? [change] : []));
    if (changes.length < 2) return [];
    const mean = geometricMean(changes.map(({ estimate }) => estimate));
    const halves = changes.map(({ interval }) =>
      interval ? Math.log(interval.high / interval.low) / 2 : Number.NaN,
    );
    const half = Math.hypot(...halves) / changes.length;
    const interval = Number.isNaN(half) ? null : { low: mean * Math.exp(-half), high: mean * Math.exp(half) };
    return [{ name, cells: changes.length, ratio: mean, interval }];
  });
}

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
