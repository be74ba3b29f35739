/**
 * The comparison of two sides, sample by sample taken from records. How it is printed is not known here; what
 * is tested stands in family.ts, what must be equal in likeness.ts, how it is decided in verdicts.ts.
 */
import { median } from "simple-statistics";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { ratioOfRound } from "../record/blocks.ts";
import {
  type CellSamples,
  cellKey,
  cellName,
  cellsOf,
  serversOf,
  severalServers,
  valuesOf,
} from "../record/cells.ts";
import { metrics as builtIn, type Metric, type Metrics } from "../record/metrics.ts";
import { REFERENCE, type RunRecord, type Sample } from "../record/record.ts";
import { isGeneratorLimited } from "../record/saturation.ts";
import { isValid } from "../record/validity.ts";
import { blocksByYardstick } from "../record/yardstick.ts";
import {
  type CellComparison,
  type Comparison,
  type FigureComparison,
  isSideBySide,
  type Side,
} from "./comparison.ts";
import { compareFaults } from "./correctness.ts";
import { isTested, isTestedApart } from "./family.ts";
import {
  pinningNotes,
  type Unlike,
  unlikeEnvironments,
  unlikeParameters,
  unlikeYardsticks,
} from "./likeness.ts";
import { meansOf } from "./means.ts";
import { LEVEL, LOOKS } from "./rounds.ts";
import { medianInterval } from "./statistics.ts";
import { pausesBehind } from "./tails.ts";
import { DEFAULT_THRESHOLD, giveVerdicts, type Measured, type Values } from "./verdicts.ts";

export type CompareOptions = {
  /** Least relative change that counts, 0.05 unless told. */
  threshold?: number;
  /** Compares unlike machines, versions or parameters all the same. */
  force?: boolean;
  /** The figures that are known; the built-in ones unless told. */
  metrics?: Metrics;
  /** So many comparisons share the chance of a false alarm, since all of them are looked at; 1 unless told. */
  among?: number;
};

const BY_RAW =
  "The records were made one after the other: what the machine did in between counts as change. " +
  "`bench --against <revision>` interleaves both in one run.";
const BY_YARDSTICK =
  "Compared by the yardstick: changes are of ratios to a server that never changes and was driven in the same blocks; " +
  "`raw` is the change as it was measured. Tails, and what the yardstick does not stand beside, are shown and not tested: " +
  "`bench --against <revision>` tests them in one run.";

/** Compares two records, each server with itself. */
export function compareRecords(old: RunRecord, now: RunRecord, options: CompareOptions = {}): Comparison {
  const shared = old.yardstick && old.yardstick.sha256 === now.yardstick?.sha256;
  return compareSides(
    { name: "old", record: old, cells: cellsOf(old.samples) },
    { name: "new", record: now, cells: cellsOf(now.samples) },
    {
      unlike: [...unlikeEnvironments(old, now), ...unlikeYardsticks(old, now)],
      notes: [shared ? BY_YARDSTICK : BY_RAW],
      options,
    },
  );
}

/** Compares two servers of one record. */
export function compareServers(
  record: RunRecord,
  a: string,
  b: string,
  options: CompareOptions = {},
): Comparison {
  checkServers(record, [a, b]);
  // The servers are the sides: they are no part of what a cell is called.
  const of = (server: string) =>
    cellsOf(record.samples.filter((sample) => sample.server === server)).map((cell) => ({
      ...cell,
      server: "",
    }));
  return compareSides(
    { name: a, record, cells: of(a) },
    { name: b, record, cells: of(b) },
    { unlike: [], notes: pinningNotes(record, a, b), options },
  );
}

function checkServers(record: RunRecord, names: readonly string[]): void {
  for (const name of names)
    if (!record.samples.some(({ server }) => server === name))
      throw new Failure(
        exitCodes.usage,
        `record ${record.id} has no server "${name}": expected one of: ${serversOf(record.samples).join(", ") || "none"}`,
      );
}

/**
 * Every pair of servers of a run, as far as they ran the same cells. Which of them is best is seen only afterwards, so
 * that all pairs share the chance of a false alarm.
 */
export function compareAll(
  record: RunRecord,
  options: CompareOptions = {},
  servers: readonly string[] = serversOf(record.samples),
): Comparison[] {
  checkServers(record, servers);
  const cells = cellsOf(record.samples);
  const keys = new Map(
    servers.map((name) => [
      name,
      new Set(cells.filter(({ server }) => server === name).map((cell) => cellKey({ ...cell, server: "" }))),
    ]),
  );
  const pairs = servers
    .flatMap((a, i) => servers.slice(i + 1).map((b) => [a, b] as const))
    .filter(([a, b]) => !keys.get(a)?.isDisjointFrom(keys.get(b) ?? new Set()));
  return pairs.map(([a, b]) => compareServers(record, a, b, { ...options, among: pairs.length }));
}

/** One of the two sides, and its samples by what is compared. */
type Source = { name: string; record: RunRecord; cells: CellSamples[] };
type How = { unlike: Unlike[]; notes: string[]; options: CompareOptions };
/** A cell that both sides have, and what it is called. */
type Pair = { name: string; old: CellSamples; now: CellSamples };

function compareSides(old: Source, now: Source, { unlike, notes, options }: How): Comparison {
  const { threshold = DEFAULT_THRESHOLD, force = false, metrics = builtIn, among = 1 } = options;
  const { pairs, onlyOld, onlyNew } = pairUp(old, now);
  const differences = [
    ...unlike,
    ...pairs.flatMap(({ name, old, now }) => unlikeParameters(name, old.samples, now.samples)),
  ];
  if (differences.length > 0 && !force) refuse(old.name, now.name, differences);
  const together = old.record === now.record;
  const shared =
    !together && old.record.yardstick && old.record.yardstick.sha256 === now.record.yardstick?.sha256;
  const measured: Beside = together ? "together" : shared ? { old: old.record, now: now.record } : "apart";
  const cells = pairs.map((pair) => compareCell(pair, metrics, measured));
  // Rounds are taken until there is an answer: so often may have been looked.
  const looks =
    together && pairs.some(({ now }) => now.samples.some(({ round }) => round !== undefined))
      ? LOOKS.length
      : 1;
  giveVerdicts(cells, { threshold, looks, among });
  const faults = pairs.flatMap(({ name, old, now }) => compareFaults(name, old.samples, now.samples));
  const sides = { old: sideOfRecord(old), new: sideOfRecord(now) };
  return {
    schema: "sockbench-comparison/1",
    ...sides,
    threshold,
    level: LEVEL / among,
    looks,
    yardstick: shared ? (now.record.yardstick?.sha256 ?? null) : null,
    tests: cells.flatMap(({ rows }) => rows).filter((row) => row.tested).length,
    faults,
    cells: cells.map(({ values: _, ...cell }) => cell),
    // No speed makes up for a fault.
    means: faults.some(({ change }) => change === "new" || isSideBySide(sides)) ? [] : meansOf(cells),
    onlyOld,
    onlyNew,
    unlike: differences,
    notes: [...notes, ...partialNotes(old, now), ...boundNotes(pairs), ...onceNotes(cells)],
  };
}

const sideOfRecord = ({ name, record }: Source) => ({
  name,
  record: record.id,
  startedAt: record.startedAt,
});

/** The cells that both sides have, and the names of those that only one has. */
function pairUp(old: Source, now: Source): { pairs: Pair[]; onlyOld: string[]; onlyNew: string[] } {
  const [before, after] = [old, now].map(({ cells }) => new Map(cells.map((cell) => [cellKey(cell), cell])));
  const shared = [...before].flatMap(([key, cell]): [CellSamples, CellSamples][] => {
    const other = after.get(key);
    return other ? [[cell, other]] : [];
  });
  const several = severalServers({ samples: shared.flatMap(([{ samples }]) => samples) });
  const nameOf = (cell: CellSamples) => cellName(several ? cell : { ...cell, server: "" });
  if (shared.length === 0) {
    const list = ({ cells }: Source) => cells.slice(0, 3).map(nameOf).join(", ") || "nothing";
    throw new Failure(
      exitCodes.untrusted,
      `${old.name} and ${now.name} have no cell in common: ${list(old)} and ${list(now)}`,
    );
  }
  const without = (cells: CellSamples[], other: ReadonlyMap<string, CellSamples>) =>
    cells.filter((cell) => !other.has(cellKey(cell))).map(nameOf);
  return {
    pairs: shared.map(([old, now]) => ({ name: nameOf(old), old, now })),
    onlyOld: without(old.cells, after),
    onlyNew: without(now.cells, before),
  };
}

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

function boundNotes(pairs: readonly Pair[]): string[] {
  const cells = pairs.filter(({ old, now }) => [...old.samples, ...now.samples].some(isGeneratorLimited));
  if (cells.length === 0) return [];
  return [
    `The load generator was the limit in ${cells.map(({ name }) => name).join(", ")}: the rates there are lower bounds ` +
      "and are not compared; the server's CPU is. More --fleets on more cores would tell.",
  ];
}

/** Of runs apart: cells of which a side has one round, so that none of their figures is tested. */
function onceNotes(cells: readonly Measured[]): string[] {
  const once = cells.filter(({ values }) =>
    [...values.values()].some(
      ({ yardstick }) => yardstick && Math.min(yardstick.old.length, yardstick.now.length) === 1,
    ),
  );
  if (once.length === 0) return [];
  return [
    `One round alone was taken of ${once.map(({ name }) => name).join(", ")}: shown and not tested. ` +
      "A run that names the scenario, with --protocol, takes more.",
  ];
}

/** In one run; apart, by the yardsticks of both records; or apart with nothing to compare by. */
type Beside = "together" | "apart" | { old: RunRecord; now: RunRecord };

function compareCell({ name, old, now }: Pair, metrics: Metrics, measured: Beside): Measured {
  const { scenario, variant, server } = old;
  const both = [...old.valid, ...now.valid];
  // What stands beside the servers is shown, and is none of those that are judged.
  const byYardsticks = ({ key }: Metric): [number[][], number[][]] | undefined =>
    typeof measured === "string"
      ? undefined
      : [blocksByYardstick(measured.old, old, key), blocksByYardstick(measured.now, now, key)];
  const tested = (metric: Metric) => {
    if (server === REFERENCE || !isTested(metric, both)) return false;
    const ratios = byYardsticks(metric);
    if (!ratios) return true;
    const samples = [old, now].map(({ valid }) => valuesOf(valid, metric.key).length);
    return isTestedApart(
      metric,
      ratios.map(({ length }) => length),
      samples,
    );
  };
  const rows: FigureComparison[] = [];
  const values = new Map<string, Values>();
  const rounds = measured === "together" ? roundsOf(old, now) : undefined;
  const missing: CellComparison["missing"] = { old: [], new: [] };
  for (const [key, metric] of metrics) {
    const [a, b] = [old, now].map(({ valid }) => valuesOf(valid, key));
    if (a.length > 0 && b.length > 0) {
      const [before, after] = byYardsticks(metric) ?? [[], []];
      values.set(key, {
        old: a,
        now: b,
        ...(rounds ? pairedValues(rounds, key) : {}),
        ...(before.length > 0 && after.length > 0 ? { yardstick: { old: before, now: after } } : {}),
      });
      const pauses = pausesBehind(metric, both);
      rows.push({ ...compareFigure(metric, tested(metric), a, b), ...(pauses ? { pauses } : {}) });
    } else if (a.length + b.length > 0 && tested(metric))
      missing[a.length === 0 ? "old" : "new"].push(metric.label);
    else if (tested(metric) && pausesBehind(metric, both))
      // Hardly a slice was without a pause: that there is no tail to judge is to be said.
      for (const side of ["old", "new"] as const) missing[side].push(metric.label);
  }
  const rules = [...old.samples, ...now.samples].flatMap(({ invalid }) => invalid.map(({ rule }) => rule));
  return {
    name,
    scenario,
    variant,
    server: server || null,
    rows,
    discarded: {
      old: old.samples.length - old.valid.length,
      new: now.samples.length - now.valid.length,
      rules: [...new Set(rules)],
    },
    missing,
    values,
  };
}

function compareFigure(metric: Metric, tested: boolean, a: number[], b: number[]): FigureComparison {
  const { key, label, heading, unit, better } = metric;
  return {
    metric: key,
    label,
    heading,
    unit,
    better,
    class: metric.class,
    tested,
    old: sideOf(a),
    new: sideOf(b),
    rounds: null,
    ratios: null,
    change: null,
    verdict: null,
    why: null,
  };
}

/** Samples that were taken together, in their order: of one round, or, interleaved, the first beside the first and so on. */
function roundsOf(old: CellSamples, now: CellSamples): [Sample, Sample][] {
  const other = new Map(now.samples.map((sample, i) => [sample.round ?? i, sample]));
  return old.samples
    .flatMap((sample, i): { round: number; pair: [Sample, Sample] }[] => {
      const round = sample.round ?? i;
      const beside = other.get(round);
      return beside && isValid(sample) && isValid(beside) ? [{ round, pair: [sample, beside] }] : [];
    })
    .sort((a, b) => a.round - b.round)
    .map(({ pair }) => pair);
}

/** One figure of each round, as far as both samples have it: block by block where there are blocks. */
function pairedValues(rounds: readonly [Sample, Sample][], key: string): Partial<Values> {
  const both = rounds.filter((pair) => pair.every(({ metrics }) => metrics[key] !== undefined));
  return {
    logRatios: both.flatMap(([a, b]) => ratioOfRound(a, b, key) ?? []),
    differences: both.map(([a, b]) => b.metrics[key] - a.metrics[key]),
  };
}

const sideOf = (values: number[]): Side => ({
  samples: values.length,
  median: median(values),
  interval: medianInterval(values),
});
