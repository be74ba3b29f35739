/**
 * One run: every cell on every server, samples interleaved so that a drifting machine drifts over all of them
 * alike, each judged as it comes, until there are enough valid ones. Gives the record, also of a run that was
 * cut short.
 */
import type { Progress } from "../clients/exchange.ts";
import { allowedCpus, pin } from "../platform/affinity.ts";
import { readEnvironment } from "./environment.ts";
import { exitCodes, Failure } from "./failure.ts";
import { type Fleets, startFleets } from "./fleets.ts";
import { type Environment, newRecordId, type RunRecord, type Sample } from "./record.ts";
import type { Cell } from "./scenarios/scenario.ts";
import type { ServerSource } from "./servers.ts";
import { judge } from "./validity.ts";

export type RunOptions = {
  cells: Cell[];
  sources: ServerSource[];
  /** Valid samples wanted of each cell and server, and how many may be taken for them. */
  samples: number;
  /** The same for cells at which a glance is enough; by default as many as of the others. */
  glances?: number;
  maxSamples: number;
  /** Client processes; by default one a spare core. */
  fleets?: number | undefined;
  command: string[];
  /** Rejects when the user has had enough. */
  interrupted: Promise<never>;
  onProgress?: (news: News) => void;
};

/** What is going on, for whoever shows it. `done` and `planned` count samples. */
export type News = {
  cell: Cell;
  server: string;
  done: number;
  planned: number;
  progress?: Progress;
  /** Set once the sample is there. */
  sample?: Sample;
};

export type RunResult = { record: RunRecord; failure?: Failure };

type Pair = { cell: Cell; source: ServerSource };
type Pinning = NonNullable<Environment["pinned"]> | null;

const MOST_FLEETS = 8;

export async function run(options: RunOptions): Promise<RunResult> {
  const startedAt = new Date();
  const cpus = allowedCpus();
  const count = options.fleets ?? Math.max(1, Math.min(MOST_FLEETS, cpus.length - 1));
  const pinned = planPinning(cpus, count);
  const fleets = startFleets(count);
  const record: RunRecord = {
    schema: "sockbench/1",
    id: newRecordId(startedAt),
    startedAt: startedAt.toISOString(),
    finishedAt: startedAt.toISOString(),
    partial: null,
    command: options.command,
    environment: await readEnvironment(count, pinned),
    samples: [],
    warnings: [],
  };
  let failure: Failure | undefined;
  try {
    if (pinned) for (const [fleet, pid] of fleets.pids.entries()) pin(pid, pinned.fleets[fleet]);
    await takeSamples(options, fleets, pinned, record);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    failure = error;
    record.partial = error.message;
  } finally {
    await fleets.stop();
    record.finishedAt = new Date().toISOString();
  }
  return failure ? { record, failure } : { record };
}

/** The server and the fleets apart, if there is a CPU for each fleet and one more. */
function planPinning(cpus: number[], fleets: number): Pinning {
  if (cpus.length < fleets + 1) return null;
  const spare = cpus.length - fleets;
  return { server: cpus.slice(0, spare), fleets: cpus.slice(spare).map((cpu) => [cpu]) };
}

async function takeSamples(
  options: RunOptions,
  fleets: Fleets,
  pinned: Pinning,
  record: RunRecord,
): Promise<void> {
  const { cells, sources, samples, maxSamples } = options;
  const pairs = cells.flatMap((cell) => sources.map((source): Pair => ({ cell, source })));
  const taken = new Map<Pair, number>();
  const valid = new Map<Pair, number>();
  const unsupported = new Set<Pair>();
  const wantedOf = ({ cell }: Pair) =>
    !cell.repeats ? 1 : cell.glance ? (options.glances ?? samples) : samples;
  const lacking = (pair: Pair) =>
    !unsupported.has(pair) &&
    (valid.get(pair) ?? 0) < wantedOf(pair) &&
    (taken.get(pair) ?? 0) < (pair.cell.repeats ? maxSamples : 1);
  const planned = () =>
    record.samples.length +
    pairs.filter(lacking).reduce((sum, pair) => sum + wantedOf(pair) - (valid.get(pair) ?? 0), 0);
  for (let round = 0; pairs.some(lacking); round++) {
    // A B, then B A: what drifts steadily falls on both alike.
    const order = round % 2 === 0 ? pairs : [...pairs].reverse();
    for (const pair of order.filter(lacking)) {
      const news = {
        cell: pair.cell,
        server: pair.source.name,
        done: record.samples.length,
        planned: planned(),
      };
      options.onProgress?.(news);
      const sample = await takeSample(pair, options, fleets, pinned, record, (progress) =>
        options.onProgress?.({ ...news, progress }),
      );
      if (sample === undefined) unsupported.add(pair);
      else {
        record.samples.push(sample);
        taken.set(pair, (taken.get(pair) ?? 0) + 1);
        if (sample.invalid.length === 0) valid.set(pair, (valid.get(pair) ?? 0) + 1);
        options.onProgress?.({ ...news, sample });
      }
    }
  }
  for (const pair of pairs.filter((pair) => !unsupported.has(pair)))
    warnOfInvalid(pair, record, wantedOf(pair));
}

/** Says in words why there are fewer valid samples than wanted. */
function warnOfInvalid({ cell, source }: Pair, record: RunRecord, wanted: number): void {
  const mine = record.samples.filter(
    ({ scenario, variant, server }) =>
      scenario === cell.scenario && variant === cell.variant && server === source.name,
  );
  const valid = mine.filter(({ invalid }) => invalid.length === 0).length;
  if (valid >= wanted) return;
  const reasons = Map.groupBy(
    mine.flatMap(({ invalid }) => invalid),
    ({ rule }) => rule,
  );
  const words = [...reasons.values()].map(
    ([{ rule, words }, ...more]) => `${rule} (${more.length + 1}×): ${words}`,
  );
  record.warnings.push(
    `${cell.scenario} ${cell.variant} ${source.name}: ${valid} of ${wanted} samples are valid: ${words.join("; ")}`,
  );
}

/** One sample on a server of its own; undefined where this implementation does not have the protocol. */
async function takeSample(
  { cell, source }: Pair,
  options: RunOptions,
  fleets: Fleets,
  pinned: Pinning,
  record: RunRecord,
  onProgress: (progress: Progress) => void,
): Promise<Sample | undefined> {
  const startedAt = new Date().toISOString();
  const server = await startOrSkip(source, cell, options, record);
  if (!server) return undefined;
  try {
    if (pinned && server.pid !== undefined) pin(server.pid, pinned.server);
    const order = record.samples.length;
    const parts = await cell.run({
      target: server.url,
      serverPid: server.pid,
      fleets,
      tag: (order * 2 + 2) & 0xfffe,
      onProgress,
      broken: Promise.race([server.broken, options.interrupted]),
    });
    const sample: Sample = {
      scenario: cell.scenario,
      variant: cell.variant,
      server: source.name,
      protocol: cell.protocol,
      target: server.url,
      order,
      startedAt,
      parameters: cell.parameters,
      ...parts,
      counts: { ...parts.counts, serverRestarts: server.restarts() },
      invalid: [],
    };
    return { ...sample, invalid: judge(sample) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.exitCode, `${cell.scenario} ${cell.variant}: ${error.message}`);
  } finally {
    await server.stop();
  }
}

/** With several servers, one that cannot be had is told and left out; if it is the only one, that is the end. */
async function startOrSkip(source: ServerSource, cell: Cell, options: RunOptions, record: RunRecord) {
  try {
    return await Promise.race([source.start(cell.protocol), options.interrupted]);
  } catch (error) {
    if (
      !(error instanceof Failure) ||
      error.exitCode !== exitCodes.unreachable ||
      options.sources.length === 1
    )
      throw error;
    const warning = `${cell.scenario} ${cell.variant} ${source.name} was left out: ${error.message}`;
    if (!record.warnings.includes(warning)) record.warnings.push(warning);
    return undefined;
  }
}
