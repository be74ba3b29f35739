/**
 * One run: every cell on every server, samples interleaved so that a drifting machine drifts over all of them
 * alike, each judged as it comes, until there are enough valid ones.
 */
import type { Progress } from "../../clients/exchange.ts";
import { allowFiles } from "../../platform/file-limit.ts";
import { findProtocol } from "../../protocols/index.ts";
import type { ServerSource } from "../../targets/server.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import type { Cell } from "../scenarios/scenario.ts";
import { type ApartOptions, measureApart } from "./apart.ts";
import { checkBudget, checkFirstRound } from "./budget.ts";
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
import { wantedOf, warnOfInvalid } from "./wanted.ts";

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
  /** One server is measured in rounds, too, beside the yardstick; without it, sample by sample. */
  apart?: ApartOptions | undefined;
  seed?: number;
};

export type ComparisonOptions = Pick<RoundsOptions, "rounds" | "budgetMs"> & {
  /** Whether somebody asked for just this budget: one that is too short is refused then, and else overdrawn. */
  strict?: boolean;
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
/** Of a slow open loop longer ones, with so many messages in each. */
const OPEN_SLICE_MS = { least: SLICE_MS, most: 100 };
const MESSAGES_IN_SLICE = 10;

export const sliceMsOf = ({ parameters: { loop, rate } }: Cell): number =>
  loop === "open"
    ? Math.round(
        Math.min(
          OPEN_SLICE_MS.most,
          Math.max(OPEN_SLICE_MS.least, (MESSAGES_IN_SLICE * 1000) / Number(rate)),
        ),
      )
    : SLICE_MS;
export const blocksIn = (sliceMs: number, seconds = ROUND_SECONDS): number =>
  Math.max(LEAST_BLOCKS, slicesIn(sliceMs, seconds));
/** Slices of a warm-up, where somebody said how long it is. */
export const slicesIn = (sliceMs: number, seconds: number): number =>
  Math.max(1, Math.round((seconds * 1000) / sliceMs));

/** Files that a server or a fleet has open beside its connections, at most. */
const SPARE_FILES = 256;

/**
 * As many files as the largest cell has connections, which one fleet has to all servers of a round; where that may not
 * be, whoever runs out says so.
 */
function allowConnections({ cells, sources }: RunOptions): void {
  const connections = cells.map(
    ({ protocol, parameters }) =>
      Number(parameters.connections ?? 0) * (findProtocol(protocol)?.separatePublishers ? 2 : 1),
  );
  // In rounds the yardstick stands beside them.
  allowFiles(Math.max(0, ...connections) * (sources.length + 1) + SPARE_FILES);
}

export async function run(options: RunOptions): Promise<RunResult> {
  const { sources } = options;
  refuseShortBudget(options);
  allowConnections(options);
  return withSession(options, async (session) => {
    if (options.calibrate) session.record.calibration = await calibrate(session.fleets, options.interrupted);
    const inRounds = await roundCells(session, options);
    // First those that have no rounds: how many figures there are decides how sure each has to be.
    const others = options.cells.filter((cell) => !hasBlocks(cell) || !inRounds.has(cell));
    await takeSamples(session, { ...options, cells: others });
    if (options.apart && sources.length === 1) await measureApart(session, options, options.apart, inRounds);
    else if (options.comparison) await compareInRounds(session, options, options.comparison, inRounds);
  });
}

/** A budget that slices alone would use up is refused before anything is started. */
function refuseShortBudget({ comparison, cells, sources }: RunOptions): void {
  if (!comparison?.strict || comparison.rounds !== undefined || !canStandTogether(sources)) return;
  const { budgetMs, duration } = comparison;
  const compared = cells.filter((cell) => hasBlocks(cell) && !cell.reference);
  const slicesMs = compared.map(sliceMsOf).map((ms) => blocksIn(ms, duration) * ms);
  if (sources.length > 1) checkBudget(budgetMs, slicesMs.reduce((sum, ms) => sum + ms, 0) * sources.length);
}

/** The cells that are measured in rounds, with the servers that start for each. */
async function roundCells(session: Session, options: RunOptions): Promise<Map<BlockCell, ServerSource[]>> {
  const { comparison, apart, cells, sources, skipMissing = false } = options;
  const found = new Map<BlockCell, ServerSource[]>();
  const wanted = sources.length > 1 ? comparison : apart;
  if (!wanted || !canStandTogether(sources)) return found;
  for (const cell of cells) {
    if (!hasBlocks(cell) || cell.reference) continue;
    const present = await session.present(cell, sources, skipMissing);
    if (present.length > 1 || (apart && present.length === sources.length)) found.set(cell, present);
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
    onFirst: comparison.strict ? (tookMs) => checkFirstRound(comparison.budgetMs, tookMs) : undefined,
    round(cell, number) {
      const present = sources.get(cell as BlockCell) ?? [];
      const done = record.samples.length;
      const server = present.map(({ name }) => name).join(" and ");
      const event = { cell, server, done, planned: done + present.length, round: number };
      onProgress?.(event);
      const sliceMs = sliceMsOf(cell);
      return session.round(cell as BlockCell, present, {
        blocks: blocksIn(sliceMs, comparison.duration),
        sliceMs,
        ...(comparison.warmup === undefined ? {} : { warmSlices: slicesIn(sliceMs, comparison.warmup) }),
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
  const { cells, sources, maxSamples } = options;
  const pairs = cells.flatMap((cell) =>
    (cell.reference ? [cell.reference] : sources).map((source): Pair => ({ cell, source })),
  );
  const taken = new Map<Pair, number>();
  const valid = new Map<Pair, number>();
  const missing = new Set<Pair>();
  const lacking = (pair: Pair) =>
    !missing.has(pair) &&
    (valid.get(pair) ?? 0) < wantedOf(pair.cell, options) &&
    (taken.get(pair) ?? 0) < (pair.cell.repeats ? maxSamples : 1);
  const planned = () =>
    record.samples.length +
    pairs
      .filter(lacking)
      .reduce((sum, pair) => sum + wantedOf(pair.cell, options) - (valid.get(pair) ?? 0), 0);
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
  for (const pair of pairs.filter((pair) => !missing.has(pair)))
    warnOfInvalid(pair, record, wantedOf(pair.cell, options));
}
