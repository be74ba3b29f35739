/**
 * The comparison of two sides, sample by sample taken from records. How it is printed is not known here; what
 * is tested stands in family.ts, what must be equal in likeness.ts, how it is decided in verdicts.ts.
 */
import { geometricMean, median } from "simple-statistics";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { type Metric, metrics } from "../record/metrics.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { isGeneratorLimited } from "../record/saturation.ts";
import type { Cell, Comparison, Mean, Row, Side } from "./comparison.ts";
import { compareFaults } from "./correctness.ts";
import { classes, isTested } from "./family.ts";
import { pinningNotes, type Unlike, unlikeEnvironments, unlikeParameters } from "./likeness.ts";
import { medianInterval, rankTest, ratio, shift } from "./statistics.ts";
import { DEFAULT_THRESHOLD, giveVerdicts, LEVEL, type Measured } from "./verdicts.ts";

export type CompareOptions = {
  /** Least relative change that counts, 0.05 unless told. */
  threshold?: number;
  /** Compares unlike machines, versions or parameters all the same. */
  force?: boolean;
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
        `record ${record.id} has no server "${name}": expected one of: ${servers.join(", ") || "none"}`,
      );
  const of = (server: string) => record.samples.filter((sample) => sample.server === server);
  const keyOf = (sample: Sample) => JSON.stringify([sample.scenario, sample.variant, null]);
  return compareSides(
    { name: a, record, samples: of(a) },
    { name: b, record, samples: of(b) },
    { keyOf, unlike: [], notes: pinningNotes(record, a, b), options },
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
  giveVerdicts(cells, threshold);
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
    notes: [
      ...notes,
      ...partialNotes(old, now),
      ...boundNotes(shared.filter((key) => [before, after].some(hasBound(key))).map(nameOf)),
    ],
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

const hasBound = (key: string) => (side: Map<string, Sample[]>) => side.get(key)!.some(isGeneratorLimited);

const boundNotes = (cells: string[]): string[] =>
  cells.length === 0
    ? []
    : [
        `The load generator was the limit in ${cells.join(", ")}: the rates there are lower bounds and are not compared; ` +
          "the server's CPU is. More --fleets on more cores would tell.",
      ];

function compareCell(key: string, name: string, old: Sample[], now: Sample[]): Measured {
  const [scenario, variant, server] = JSON.parse(key);
  const [before, after] = [old, now].map((samples) => samples.filter(({ invalid }) => invalid.length === 0));
  const values = new Map<string, [number[], number[]]>();
  const missing: Cell["missing"] = { old: [], new: [] };
  for (const metric of Object.keys(metrics)) {
    const [a, b] = [before, after].map((samples) =>
      samples.map((sample) => sample.metrics[metric]).filter((value) => value !== undefined),
    );
    if (a.length > 0 && b.length > 0) values.set(metric, [a, b]);
    else if (a.length + b.length > 0 && isTested(metric, [...before, ...after]))
      missing[a.length === 0 ? "old" : "new"].push(metrics[metric].label);
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
    missing,
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
