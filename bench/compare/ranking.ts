/**
 * Three or more servers of one run in an order, figure by figure. Each pair is decided by its own rounds, and only what
 * is decided parts two servers: a place is a range, from as many as are decidedly better to as many as are not decidedly
 * worse (simultaneous confidence intervals for ranks). The ratio is that to the best, which all pairs' correction covers,
 * whichever it turns out to be.
 */
import { serversOf } from "../record/cells.ts";
import type { Metric } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { type CompareOptions, compareAll } from "./compare.ts";
import type { Comparison, FigureComparison, FigureVerdict, Side } from "./comparison.ts";
import type { Fault } from "./correctness.ts";
import { inverted } from "./phrases.ts";
import { LEVEL } from "./rounds.ts";

/** One server in a figure. */
export type Place = {
  server: string;
  /** From 1; both are the same where it is told apart from all others. Null of a wrong server, which has no place. */
  place: { from: number; to: number } | null;
  side: Side;
  /** To the best, with the interval of the pair; null of the best itself, and where no ratio can be had. */
  toBest: FigureComparison["change"];
  /** Its verdict beside the best; null of the best itself. */
  verdict: FigureVerdict | null;
  /** Rounds in which both it and the best were measured. */
  rounds: number | null;
  /** Servers that it is not told apart from, by name: the same within the threshold, or undecided. */
  tied: Record<string, "same" | "undecided">;
};

export type RankedFigure = Pick<Metric, "label" | "heading" | "unit" | "better" | "class"> & {
  cell: string;
  metric: string;
  /** Whether it is the one that stands for its cell. */
  main: boolean;
  /** The best first, wrong servers last. */
  places: Place[];
};

/** A server's fault, as it was seen first. */
export type WrongServer = { server: string; faults: number } & Pick<Fault, "cell" | "kind" | "words">;

export type Ranking = {
  schema: "sockbench-ranking/1";
  record: string;
  startedAt: string;
  servers: string[];
  threshold: number;
  /** Chance of one false alarm over all figures of all pairs, and all looks. */
  level: number;
  looks: number;
  /** How many figures were tested in all pairs together. */
  tests: number;
  wrong: WrongServer[];
  /** Servers that ran none of the others' cells. */
  notCompared: string[];
  figures: RankedFigure[];
  /** Every pair, in the order of the servers. */
  comparisons: Comparison[];
};

/** Fewer are a comparison. */
export const LEAST_RANKED = 3;

/** All servers of a record, or the named ones. */
export function rank(
  record: RunRecord,
  options: CompareOptions = {},
  servers: readonly string[] = serversOf(record.samples),
): Ranking {
  const comparisons = compareAll(record, options, servers);
  const names = [...new Set(comparisons.flatMap(({ old, new: now }) => [old.name, now.name]))];
  const wrong = wrongServers(comparisons, names);
  const [first] = comparisons;
  return {
    schema: "sockbench-ranking/1",
    record: record.id,
    startedAt: record.startedAt,
    servers: names,
    threshold: first?.threshold ?? 0,
    level: LEVEL,
    looks: Math.max(1, ...comparisons.map(({ looks }) => looks)),
    tests: comparisons.reduce((sum, { tests }) => sum + tests, 0),
    wrong,
    notCompared: servers.filter((name) => !names.includes(name)),
    figures: figuresOf(
      comparisons,
      wrong.map(({ server }) => server),
    ),
    comparisons,
  };
}

/** The same fault is in each pair of its server: told once. */
function wrongServers(comparisons: readonly Comparison[], names: readonly string[]): WrongServer[] {
  return names.flatMap((server) => {
    const faults = comparisons.flatMap(({ old, new: now, faults }) =>
      faults.filter(
        (fault) => (old.name === server && fault.old > 0) || (now.name === server && fault.new > 0),
      ),
    );
    const kinds = [...new Map(faults.map((fault) => [`${fault.cell} ${fault.kind}`, fault])).values()];
    if (kinds.length === 0) return [];
    const [{ cell, kind, words }] = kinds;
    return [{ server, faults: kinds.length, cell, kind, words }];
  });
}

/** One figure of one pair, seen from `server`. */
type Row = { server: string; other: string; row: FigureComparison };

function figuresOf(comparisons: readonly Comparison[], wrong: readonly string[]): RankedFigure[] {
  const rows = comparisons.flatMap(({ old, new: now, cells }) =>
    cells.flatMap(({ name: cell, rows }) =>
      rows
        .filter(({ tested }) => tested)
        .flatMap((row) => [
          { cell, server: now.name, other: old.name, row },
          { cell, server: old.name, other: now.name, row: inverted(row) },
        ]),
    ),
  );
  return [...Map.groupBy(rows, ({ cell }) => cell)].flatMap(([cell, inCell]) => {
    const figures = Map.groupBy(inCell, ({ row }) => row.metric);
    const main = mainOf([...figures.values()].map(([{ row }]) => row));
    return [...figures].map(([metric, of]): RankedFigure => {
      const { label, heading, unit, better, class: kind } = of[0].row;
      const places = placesOf(of, wrong);
      return { cell, metric, label, heading, unit, better, class: kind, main: metric === main, places };
    });
  });
}

const mainClasses: readonly Metric["class"][] = ["throughput", "median latency", "server CPU"];

/** What one asks for first: how much it does, or how soon, or for how much CPU time. */
const mainOf = (rows: readonly FigureComparison[]): string | undefined =>
  mainClasses.map((name) => rows.find((row) => row.class === name)).find((row) => row !== undefined)
    ?.metric ?? rows[0]?.metric;

function placesOf(rows: readonly Row[], wrong: readonly string[]): Place[] {
  const bySide = Map.groupBy(rows, ({ server }) => server);
  const names = [...bySide.keys()];
  const right = names.filter((name) => !wrong.includes(name));
  const order = [...ordered(right, rows), ...names.filter((name) => wrong.includes(name))];
  const best = right.length > 0 ? order[0] : undefined;
  return order.map((server): Place => {
    const mine = bySide.get(server)!;
    const among = mine.filter(({ other }) => right.includes(other));
    const count = (verdict: FigureVerdict) => among.filter(({ row }) => row.verdict === verdict).length;
    const beside = mine.find(({ other }) => other === best)?.row;
    const isRight = right.includes(server);
    return {
      server,
      place: isRight ? { from: 1 + count("slower"), to: right.length - count("faster") } : null,
      side: mine[0].row.new,
      toBest: beside?.change ?? null,
      verdict: beside?.verdict ?? null,
      rounds: beside?.rounds ?? null,
      tied: isRight ? tiedWith(among) : {},
    };
  });
}

const tiedWith = (rows: readonly Row[]): Place["tied"] =>
  Object.fromEntries(
    rows.flatMap(({ other, row: { verdict } }) =>
      verdict === "same" || verdict === "undecided" ? [[other, verdict]] : [],
    ),
  );

/** The best first: nobody stands before one who is decidedly better; where nothing is decided, the estimates speak. */
function ordered(names: readonly string[], rows: readonly Row[]): string[] {
  const lead = new Map(names.map((name) => [name, leadOf(rows.filter(({ server }) => server === name))]));
  const left = [...names].sort((a, b) => lead.get(b)! - lead.get(a)!);
  const order: string[] = [];
  while (left.length > 0) {
    const isBeaten = (name: string) =>
      rows.some(
        ({ server, other, row }) => server === name && left.includes(other) && row.verdict === "slower",
      );
    const next = left.find((name) => !isBeaten(name)) ?? left[0];
    order.push(next);
    left.splice(left.indexOf(next), 1);
  }
  return order;
}

/** By how much a server is better than the others on average, as far as is known. */
function leadOf(rows: readonly Row[]): number {
  const leads = rows.flatMap(({ row: { change, better } }) => {
    if (!change) return [];
    const size = change.scale === "ratio" ? Math.log(change.estimate) : change.estimate;
    return [better === "higher" ? size : -size];
  });
  return leads.length === 0 ? 0 : leads.reduce((a, b) => a + b, 0) / leads.length;
}
