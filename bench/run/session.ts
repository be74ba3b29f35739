/**
 * What stands during a run: the fleets, pinned apart from the server, and the record that grows by one sample
 * at a time. Whoever decides what to measure next (run.ts, capacity.ts) asks here for samples.
 */

import type { TlsTrust } from "../../clients/endpoint.ts";
import { shownUrl } from "../../clients/endpoint.ts";
import type { Progress } from "../../clients/exchange.ts";
import { allowedCpus, pin } from "../../platform/affinity.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { seededRandom, shuffled } from "../../platform/random.ts";
import type { ServerSource, ServerUnderTest } from "../../targets/server.ts";
import type { Gathered } from "../machines/machines.ts";
import { cellName } from "../record/cells.ts";
import { type Environment, newRecordId, type RunRecord, type Sample } from "../record/record.ts";
import { judge } from "../record/validity.ts";
import { yardstickSamples } from "../record/yardstick.ts";
import type { Cell } from "../scenarios/scenario.ts";
import { readEnvironment } from "./environment.ts";
import { type Fleets, startFleets } from "./fleets.ts";
import { warnOfBusy } from "./idle.ts";
import { awaitQuiet, giveUpIfBusy, look } from "./quiet.ts";
import { driveRound, type RoundOptions } from "./round.ts";
import type { YardstickServer } from "./yardstick.ts";

export type SessionOptions = {
  /** Client processes; by default one a spare core. */
  fleets?: number | undefined;
  command: string[];
  /** Fleets on other machines, instead of this one's. */
  gather?: (() => Promise<Gathered>) | undefined;
  /**
   * Whether to give up, in some seconds, on a machine that is too busy: before the first sample, and once several in a
   * row could not count for that. Without it samples are marked, and taken all the same. `tell` hears what goes on.
   */
  quiet?: { tell: (words: string) => void } | undefined;
  /** Rejects when the user has had enough. */
  interrupted: Promise<never>;
};

/** What is to be measured, and on which server. */
export type Pair = { cell: Cell; source: ServerSource };

export type Session = {
  record: RunRecord;
  fleets: Fleets;
  /** Takes one sample on a server of its own, judges and keeps it; undefined where its server failed to start and may be skipped. */
  sample: (pair: Pair, options: SampleOptions) => Promise<Sample | undefined>;
  /** Takes one round of a comparison: a sample of each server, in the order of the sources. */
  round: (cell: BlockCell, sources: readonly ServerSource[], options: RoundSettings) => Promise<Sample[]>;
  /** Those of the sources that start for a cell; of the others there is a warning. */
  present: (cell: Cell, sources: readonly ServerSource[]) => Promise<ServerSource[]>;
};

/** A cell whose load comes in slices. */
export type BlockCell = Cell & Required<Pick<Cell, "blocks">>;

export type RoundSettings = Pick<
  RoundOptions,
  "blocks" | "sliceMs" | "warmSlices" | "seed" | "onProgress"
> & {
  /** From 0. */
  number: number;
  /** Driven in the same blocks; its samples stand apart from those of the servers. */
  yardstick?: YardstickServer | undefined;
};

export type SampleOptions = {
  /** Whether a server that fails to start is skipped, with a warning. */
  skipMissing: boolean;
  onProgress: (progress: Progress) => void;
};

/** The record, also of a run that was cut short; then `failure` says by what. */
export type RunResult = { record: RunRecord; failure?: Failure };

type Pinning = Environment["pinned"];

const MAX_FLEETS = 8;

/** Opens a session, lets `measure` take its samples, and ends everything that was started. */
export async function withSession(
  options: SessionOptions,
  measure: (session: Session) => Promise<void>,
): Promise<RunResult> {
  const startedAt = new Date();
  const cpus = allowedCpus();
  const gathered = await options.gather?.();
  const count =
    gathered?.fleets.count ?? options.fleets ?? Math.max(1, Math.min(MAX_FLEETS, cpus.length - 1));
  const pinned = gathered ? null : planPinning(cpus, count);
  const fleets = gathered?.fleets ?? startFleets(count);
  const record: RunRecord = {
    schema: "sockbench/1",
    id: newRecordId(startedAt),
    startedAt: startedAt.toISOString(),
    finishedAt: startedAt.toISOString(),
    partial: null,
    command: options.command,
    environment: await readEnvironment(count, pinned),
    ...(gathered ? { machines: gathered.machines } : {}),
    samples: [],
    warnings: [],
  };
  let failure: Failure | undefined;
  try {
    if (pinned) for (const [fleet, pid] of fleets.pids.entries()) pin(pid, pinned.fleets[fleet]);
    const lookAround = () => look(cpus);
    if (options.quiet)
      await Promise.race([awaitQuiet({ look: lookAround, ...options.quiet }), options.interrupted]);
    await measure({
      record,
      fleets,
      async sample(pair, sampleOptions) {
        const taking = { ...options, ...sampleOptions, fleets, pinned, record };
        const sample = await naming(pair.cell, takeSample(pair, taking));
        if (sample && options.quiet) await giveUpIfBusy(record.samples, lookAround);
        return sample;
      },
      async present(cell, sources) {
        const present: ServerSource[] = [];
        for (const source of sources) {
          const taking = { ...options, skipMissing: true, onProgress() {}, fleets, pinned, record };
          const server = await startOrSkip({ cell, source }, taking);
          await server?.stop();
          if (server) present.push(source);
        }
        return present;
      },
      round: (cell, sources, settings) =>
        naming(cell, takeRound(cell, sources, { ...options, ...settings, fleets, pinned, record })),
    });
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

/** What was taken of a cell; where that failed, the cell is named. */
async function naming<T>(cell: Cell, taking: Promise<T>): Promise<T> {
  try {
    return await taking;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.exitCode, `${cellName({ ...cell, server: "" })}: ${error.message}`);
  }
}

type Taking = Pick<SessionOptions, "interrupted"> &
  SampleOptions & { fleets: Fleets; pinned: Pinning; record: RunRecord };

async function takeSample({ cell, source }: Pair, taking: Taking): Promise<Sample | undefined> {
  const { fleets, pinned, record, interrupted, onProgress } = taking;
  const startedAt = new Date().toISOString();
  let server: ServerUnderTest | undefined;
  let sample: Sample | undefined;
  try {
    server = await startOrSkip({ cell, source }, taking);
    if (!server) return undefined;
    const order = record.samples.length;
    const parts = await cell.run({
      target: server.url,
      serverPids: server.pids(),
      fleets: trusting(fleets, server.trust),
      tag: (order * 2 + 2) & 0xfffe,
      onProgress,
      broken: Promise.race([server.broken, interrupted]),
    });
    sample = {
      ...identity(cell, source, server, order, startedAt),
      // A server that runs already is left where it is unless it is to be pinned.
      ...(pinned ? { pinned: server.pinned } : {}),
      ...parts,
      ...(fleets.clocks ? { clocks: [...fleets.clocks()] } : {}),
      counts: { ...parts.counts, serverRestarts: server.restarts() },
      invalid: [],
    };
    sample.invalid = judge(sample);
    record.samples.push(sample);
    return sample;
  } finally {
    const serverCounters = (await server?.stop()) ?? {};
    if (sample && Object.keys(serverCounters).length > 0) sample.serverCounters = serverCounters;
  }
}

type RoundTaking = RoundSettings & Pick<Taking, "fleets" | "pinned" | "record" | "interrupted">;

/** Most bytes by which the environments of a round's servers differ. */
const MAX_PADDING = 4096;

async function takeRound(
  cell: BlockCell,
  sources: readonly ServerSource[],
  taking: RoundTaking,
): Promise<Sample[]> {
  const { fleets, pinned, record, interrupted, number, seed, yardstick } = taking;
  const random = seededRandom(seed);
  const startedAt = new Date().toISOString();
  const all = [
    ...sources.map((source) => ({ source, protocol: cell.protocol })),
    ...(yardstick ? [yardstick] : []),
  ];
  const servers: ServerUnderTest[] = [];
  let samples: Sample[] = [];
  try {
    for (const i of shuffled(all.length, random))
      servers[i] = await orStopped(
        all[i].source.start(all[i].protocol, {
          cpus: pinned?.server,
          padding: Math.floor(random() * MAX_PADDING),
        }),
        interrupted,
      );
    const tag = (record.samples.length * 2 + 2) & 0xfffe;
    const driven = servers.map((server, i) => ({ server, protocol: all[i].protocol }));
    const parts = await driveRound(cell, driven, { ...taking, tag, fleets, steady: yardstick !== undefined });
    samples = servers.map((server, i) => ({
      ...identity(cell, all[i].source, server, record.samples.length + i, startedAt),
      ...(pinned ? { pinned: server.pinned } : {}),
      ...parts[i],
      parameters: {
        ...withoutTimes(cell.parameters),
        blocks: taking.blocks,
        sliceMs: taking.sliceMs,
        ...certificates(server),
      },
      round: number,
      counts: { ...parts[i].counts, serverRestarts: server.restarts() },
      invalid: [],
    }));
    for (const sample of samples) sample.invalid = judge(sample);
    const own = samples.slice(0, sources.length);
    if (own.length > 1) warnOfBusy(record, own);
    record.samples.push(...own);
    yardstickSamples(record).push(...samples.slice(sources.length));
    return own;
  } finally {
    const ends = await Promise.all(servers.map((server) => server?.stop()));
    samples.forEach((sample, i) => {
      if (Object.keys(ends[i] ?? {}).length > 0) sample.serverCounters = ends[i];
    });
  }
}

/** A round's times are those of its slices. */
const withoutTimes = ({ duration: _, warmup: __, ...others }: Cell["parameters"]) => others;

/** What a sample is of. */
const identity = (
  cell: Cell,
  { name }: ServerSource,
  server: ServerUnderTest,
  order: number,
  startedAt: string,
) => ({
  scenario: cell.scenario,
  variant: cell.variant,
  server: name,
  protocol: cell.protocol,
  target: shownUrl(server.url),
  order,
  startedAt,
  parameters: { ...cell.parameters, ...certificates(server) },
});

/** A server, or the interruption: then one that was starting must not be left running. */
async function orStopped(
  starting: Promise<ServerUnderTest>,
  interrupted: Promise<never>,
): Promise<ServerUnderTest> {
  try {
    return await Promise.race([starting, interrupted]);
  } catch (error) {
    await starting.then(
      (server) => server.stop(),
      () => {},
    );
    throw error;
  }
}

/** Fleets that are told with each plan whose certificates to take. */
const trusting = (fleets: Fleets, trust: TlsTrust | undefined): Fleets =>
  trust ? { ...fleets, run: (plan, options) => fleets.run({ ...plan, trust }, options) } : fleets;

/** What the record says of the certificates of a target over TLS: an unverified one may be anybody's. */
function certificates({ url, trust }: ServerUnderTest): { certificate?: string } {
  if (!/^(tls|wss):/.test(url)) return {};
  if (trust?.insecure) return { certificate: "not verified (--insecure)" };
  return { certificate: trust?.ca === undefined ? "verified" : "verified by --ca" };
}

async function startOrSkip({ cell, source }: Pair, { record, skipMissing, interrupted, pinned }: Taking) {
  const starting = source.start(cell.protocol, { directory: cell.files ?? false, cpus: pinned?.server });
  try {
    return await orStopped(starting, interrupted);
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode !== exitCodes.unreachable || !skipMissing) throw error;
    const warning = `${cellName({ ...cell, server: source.name })} was skipped: ${error.message}`;
    if (!record.warnings.includes(warning)) record.warnings.push(warning);
    return undefined;
  }
}
