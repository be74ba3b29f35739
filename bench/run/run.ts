/**
 * One run: every cell on every server, samples interleaved so that a drifting machine drifts over all of them
 * alike, each judged as it comes, until there are enough valid ones.
 */
import type { Progress } from "../../clients/exchange.ts";
import type { ServerSource } from "../../targets/server.ts";
import { cellKey, cellName } from "../record/cells.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import type { Cell } from "../scenarios/scenario.ts";
import { calibrate } from "./calibrate.ts";
import { type Pair, type RunResult, type Session, type SessionOptions, withSession } from "./session.ts";

export type RunOptions = SessionOptions & {
  cells: Cell[];
  sources: ServerSource[];
  /** Valid samples wanted of each cell and server, and how many may be taken for them. */
  samples: number;
  /** The same for secondary cells; by default as many as of the others. */
  secondarySamples?: number;
  maxSamples: number;
  /** Measure the harness itself first. */
  calibrate?: boolean;
  /** A server that fails to start is skipped, and the run goes on with the others. */
  skipMissing?: boolean;
  onProgress?: (event: ProgressEvent) => void;
};

/** What is going on, for whoever shows it. `done` and `planned` count samples. */
export type ProgressEvent = {
  cell: Cell;
  server: string;
  done: number;
  planned: number;
  progress?: Progress;
  /** Set once the sample is there. */
  sample?: Sample;
};

export function run(options: RunOptions): Promise<RunResult> {
  return withSession(options, async (session) => {
    if (options.calibrate) session.record.calibration = await calibrate(session.fleets, options.interrupted);
    await takeSamples(session, options);
  });
}

/** Decides which sample is next, until there are enough: it knows neither servers nor fleets. */
export async function takeSamples(
  { record, sample }: Pick<Session, "record" | "sample">,
  options: Pick<
    RunOptions,
    "cells" | "sources" | "samples" | "secondarySamples" | "maxSamples" | "skipMissing" | "onProgress"
  >,
): Promise<void> {
  const { cells, sources, samples, maxSamples } = options;
  const pairs = cells.flatMap((cell) =>
    (cell.reference ? [cell.reference] : sources).map((source): Pair => ({ cell, source })),
  );
  const taken = new Map<Pair, number>();
  const valid = new Map<Pair, number>();
  const missing = new Set<Pair>();
  const wantedOf = ({ cell }: Pair) =>
    !cell.repeats ? 1 : cell.secondary ? (options.secondarySamples ?? samples) : samples;
  const lacking = (pair: Pair) =>
    !missing.has(pair) &&
    (valid.get(pair) ?? 0) < wantedOf(pair) &&
    (taken.get(pair) ?? 0) < (pair.cell.repeats ? maxSamples : 1);
  const planned = () =>
    record.samples.length +
    pairs.filter(lacking).reduce((sum, pair) => sum + wantedOf(pair) - (valid.get(pair) ?? 0), 0);
  for (let round = 0; pairs.some(lacking); round++) {
    // A B, then B A: what drifts steadily falls on both alike.
    const order = round % 2 === 0 ? pairs : [...pairs].reverse();
    for (const pair of order.filter(lacking)) {
      const done = record.samples.length;
      const event = { cell: pair.cell, server: pair.source.name, done, planned: planned() };
      options.onProgress?.(event);
      const one = await sample(pair, {
        skipMissing: options.skipMissing ?? false,
        onProgress: (progress) => options.onProgress?.({ ...event, progress }),
      });
      if (one === undefined) missing.add(pair);
      else {
        taken.set(pair, (taken.get(pair) ?? 0) + 1);
        if (isValid(one)) valid.set(pair, (valid.get(pair) ?? 0) + 1);
        options.onProgress?.({ ...event, sample: one });
      }
    }
  }
  for (const pair of pairs.filter((pair) => !missing.has(pair))) warnOfInvalid(pair, record, wantedOf(pair));
}

/** Says in words why there are fewer valid samples than wanted. */
function warnOfInvalid({ cell, source }: Pair, record: RunRecord, wanted: number): void {
  const key = cellKey({ ...cell, server: source.name });
  const mine = record.samples.filter((sample) => cellKey(sample) === key);
  const valid = mine.filter(isValid).length;
  if (valid >= wanted) return;
  const rules = Map.groupBy(
    mine.flatMap(({ invalid }) => invalid),
    ({ rule }) => rule,
  );
  const counts = [...rules].map(([rule, list]) => `${rule} ${list.length}×`).join(", ");
  record.warnings.push(
    `${cellName({ ...cell, server: source.name })}: ${valid} valid of ${mine.length} taken, ${wanted} wanted (${counts})`,
  );
}
