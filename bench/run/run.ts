/**
 * One run: every cell on every server, samples interleaved so that a drifting machine drifts over all of them
 * alike, each judged as it comes, until there are enough valid ones.
 */
import type { Progress } from "../../clients/exchange.ts";
import { allowFiles } from "../../platform/file-limit.ts";
import type { ServerSource } from "../../targets/server.ts";
import { cellKey, cellName } from "../record/cells.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import type { Cell } from "../scenarios/scenario.ts";
import { calibrate } from "./calibrate.ts";
import { canStandTogether } from "./round.ts";
import { type RoundsOptions, takeRounds } from "./rounds.ts";
import {
  type BlockCell,
  type Pair,
  type RunResult,
  type Session,
  type SessionOptions,
  withSession,
} from "./session.ts";

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
  /** Several servers are compared in rounds; without it, sample by sample. */
  comparison?: ComparisonOptions;
  seed?: number;
};

export type ComparisonOptions = Pick<RoundsOptions, "rounds" | "budgetMs"> & {
  /** Seconds for which each server is driven in a round, and before it. */
  duration?: number | undefined;
  warmup?: number | undefined;
  /** Whether the record decides all that is asked of a cell. */
  settled: (cell: Cell, record: RunRecord) => boolean;
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
  /** The round of a comparison that it belongs to, from 0. */
  round?: number;
};

/** Of each server in one round: short ones and many of them, since rounds are what an interval is made of. */
const SLICE_MS = 30;
const ROUND_SECONDS = 0.36;
const LEAST_BLOCKS = 4;
const blocksIn = (seconds = ROUND_SECONDS): number =>
  Math.max(LEAST_BLOCKS, Math.round((seconds * 1000) / SLICE_MS));

/** Files that a server or a fleet has open beside its connections, at most. */
const SPARE_FILES = 256;

/** As many files as the largest cell has connections; where that may not be, whoever runs out says so. */
function allowConnections(cells: readonly Cell[]): void {
  const connections = cells.map(({ parameters }) => Number(parameters.connections ?? 0));
  allowFiles(Math.max(0, ...connections) + SPARE_FILES);
}

export function run(options: RunOptions): Promise<RunResult> {
  allowConnections(options.cells);
  return withSession(options, async (session) => {
    if (options.calibrate) session.record.calibration = await calibrate(session.fleets, options.interrupted);
    const inRounds = await roundCells(session, options);
    // First those that have no rounds: how many figures there are decides how sure each has to be.
    const others = options.cells.filter((cell) => !hasBlocks(cell) || !inRounds.has(cell));
    await takeSamples(session, { ...options, cells: others });
    if (options.comparison) await compareInRounds(session, options, options.comparison, inRounds);
  });
}

/** The cells that are compared in rounds, with the servers that start for each. */
async function roundCells(session: Session, options: RunOptions): Promise<Map<BlockCell, ServerSource[]>> {
  const { comparison, cells, sources, skipMissing = false } = options;
  const found = new Map<BlockCell, ServerSource[]>();
  if (!comparison || sources.length < 2 || !canStandTogether(sources)) return found;
  for (const cell of cells) {
    if (!hasBlocks(cell) || cell.reference) continue;
    const present = skipMissing ? await session.present(cell, sources) : [...sources];
    if (present.length > 1) found.set(cell, present);
  }
  return found;
}

const hasBlocks = (cell: Cell): cell is BlockCell => cell.blocks !== undefined;

async function compareInRounds(
  session: Session,
  { seed = 1, onProgress }: RunOptions,
  comparison: ComparisonOptions,
  sources: ReadonlyMap<BlockCell, ServerSource[]>,
): Promise<void> {
  const { record } = session;
  await takeRounds({
    ...comparison,
    cells: [...sources.keys()],
    clock: () => performance.now(),
    settled: (cell) => comparison.settled(cell, record),
    round(cell, number) {
      const present = sources.get(cell as BlockCell) ?? [];
      const done = record.samples.length;
      const server = present.map(({ name }) => name).join(" and ");
      const event = { cell, server, done, planned: done + present.length, round: number };
      onProgress?.(event);
      return session.round(cell as BlockCell, present, {
        blocks: blocksIn(comparison.duration),
        sliceMs: SLICE_MS,
        ...(comparison.warmup === undefined ? {} : { warmSlices: blocksIn(comparison.warmup) }),
        seed: seed + done,
        number,
        onProgress: (progress) => onProgress?.({ ...event, progress }),
      });
    },
    onProgress(cell, number, samples) {
      const last = samples.at(-1);
      if (last)
        onProgress?.({
          cell,
          server: "",
          done: record.samples.length,
          planned: 0,
          round: number,
          sample: last,
        });
    },
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
