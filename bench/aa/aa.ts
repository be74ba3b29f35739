/**
 * `sockbench aa`: the false-positive rate and the power of the comparison (A/A test). Two equal servers may hardly ever be
 * told apart, and are to be settled as the same; one that is slower by a known 10 % or 5 % is to be found.
 *
 * From rounds of real servers that were recorded once (record-baseline.ts), in seconds and the same each time; and with
 * `--live`, by comparisons made now.
 */
import { exitCodes, Failure } from "../../platform/failure.ts";
import { ownFile } from "../../platform/own.ts";
import type { ServerSource } from "../../targets/server.ts";
import { compareServers } from "../compare/compare.ts";
import { isSettled } from "../compare/settled.ts";
import { DEFAULT_THRESHOLD } from "../compare/verdicts.ts";
import { changeText } from "../compare/words.ts";
import { type RunRecord, recordSchema } from "../record/record.ts";
import { percent } from "../record/units.ts";
import { run } from "../run/run.ts";
import { table } from "../terminal/format.ts";
import { type Occasions, takeOccasions } from "./apart.ts";
import { aaServers, cell, FIGURE } from "./servers.ts";
import { isAlarm, type Trial, takeTrials } from "./trials.ts";

export const baselinePath = ownFile("results/baseline/aa.json.gz");

/** Rounds that a run takes in 20 s and in 60 s where nothing else runs, two servers at a time. */
export const ROUNDS = { short: 10, long: 31 };

/** What is asked for: what is compared with `bun`, how long, and which share of the trials says what. */
const asked = [
  { server: aaServers.again, rounds: ROUNDS.long, seconds: 60, says: "different", atMost: 0.02 },
  { server: aaServers.again, rounds: ROUNDS.long, seconds: 60, says: "same", atLeast: 0.8 },
  { server: aaServers.slow10, rounds: ROUNDS.short, seconds: 20, says: "slower", atLeast: 0.95 },
  { server: aaServers.slow5, rounds: ROUNDS.long, seconds: 60, says: "slower", atLeast: 0.9 },
] as const;

const judged: Record<(typeof asked)[number]["says"], (trial: Trial) => boolean> = {
  different: isAlarm,
  same: ({ figure }) => figure === "same",
  slower: ({ figure }) => figure === "slower",
};

export type Outcome = {
  name: string;
  says: string;
  share: number;
  goal: string;
  kept: boolean;
  rounds: number;
};

const firstLine = (error: unknown) => String((error as Error).message).split("\n")[0];

export async function readBaseline(path = baselinePath): Promise<RunRecord> {
  try {
    return recordSchema.parse(
      JSON.parse(Buffer.from(Bun.gunzipSync(await Bun.file(path).bytes())).toString()),
    );
  } catch (error) {
    throw new Failure(exitCodes.usage, `--baseline ${path} is no gzipped record: ${firstLine(error)}`);
  }
}

/** Judges each case by trials of its own. */
export function outcomes(trialsOf: (server: string, rounds: number) => readonly Trial[]): Outcome[] {
  return asked.map((one) => {
    const trials = trialsOf(one.server.name, one.rounds);
    const share = trials.filter(judged[one.says]).length / Math.max(1, trials.length);
    const kept = "atMost" in one ? share <= one.atMost : share >= one.atLeast;
    const goal = "atMost" in one ? `≤ ${percent(one.atMost)}` : `≥ ${percent(one.atLeast)}`;
    const rounds = trials.reduce((sum, trial) => sum + trial.rounds, 0) / Math.max(1, trials.length);
    return {
      name: `bun and ${one.server.name}, ${one.seconds} s`,
      says: one.says,
      share,
      goal,
      kept,
      rounds,
    };
  });
}

/** By the stored rounds. */
export const storedOutcomes = (baseline: RunRecord, trials: number, seed: number): Outcome[] =>
  outcomes((server, mostRounds) =>
    takeTrials(baseline, [aaServers.base.name, server], {
      trials,
      mostRounds,
      seed,
      threshold: DEFAULT_THRESHOLD,
      figure: FIGURE,
      swaps: server === aaServers.again.name,
    }),
  );

/** One comparison now, within so many seconds. */
async function liveTrial(server: ServerSource, seconds: number, seed: number): Promise<Trial | undefined> {
  const settled = (_: unknown, record: RunRecord) => isSettled(record, cell, DEFAULT_THRESHOLD);
  const { record, failure } = await run({
    cells: [cell],
    sources: [aaServers.base, server],
    samples: 1,
    maxSamples: 1,
    seed,
    comparison: { rounds: undefined, budgetMs: seconds * 1000, settled },
    command: ["aa", "--live"],
    interrupted: new Promise(() => {}),
  });
  if (failure) throw failure;
  const { cells } = compareServers(record, aaServers.base.name, server.name);
  const rows = cells[0].rows.filter(({ tested }) => tested);
  const row = rows.find(({ metric }) => metric === FIGURE);
  console.error(`${server.name}: ${row ? `${row.label} ${changeText(row)} ${row.verdict}` : "no figure"}`);
  return {
    any: rows.flatMap(({ verdict }) => verdict ?? []),
    figure: row?.verdict ?? "undecided",
    rounds: record.samples.length / 2,
  };
}

async function liveOutcomes(minutes: number, seed: number): Promise<{ found: Outcome[]; trials: number }> {
  const trials = new Map<string, Trial[]>();
  const key = (server: string, seconds: number) => `${server} ${seconds}`;
  const end = performance.now() + minutes * 60_000;
  const kinds = [...new Map(asked.map((one) => [key(one.server.name, one.seconds), one])).values()];
  for (let i = 0; performance.now() < end; i++) {
    const { server, seconds } = kinds[i % kinds.length];
    const trial = await liveTrial(server, seconds, seed + i * 1000);
    if (trial)
      trials.set(key(server.name, seconds), [...(trials.get(key(server.name, seconds)) ?? []), trial]);
  }
  const secondsOf = (server: string) => asked.find((one) => one.server.name === server)?.seconds ?? 0;
  const found = outcomes((server) => trials.get(key(server, secondsOf(server))) ?? []);
  return { found, trials: [...trials.values()].reduce((sum, list) => sum + list.length, 0) };
}

export type AaOptions = Omit<Occasions, "asked"> & {
  trials: number;
  seed: number;
  baseline?: string;
  live?: true;
  minutes: number;
  apart?: true;
};

/** Prints what was found; whether every goal is kept. `asked`: with `apart`, what bench is asked for. */
export async function aa(
  { trials, seed, baseline, live, minutes, apart, ...occasions }: AaOptions,
  asked: readonly string[] = [],
): Promise<boolean> {
  if (apart) {
    console.log(await takeOccasions({ ...occasions, asked }));
    return true;
  }
  const done = live
    ? await liveOutcomes(minutes, seed)
    : { found: storedOutcomes(await readBaseline(baseline), trials, seed), trials };
  const rows = done.found.map(({ name, says, share, goal, kept, rounds }) => [
    name,
    says,
    percent(share),
    goal,
    rounds.toFixed(1),
    kept ? "kept" : "MISSED",
  ]);
  console.log(table(["compared, at most", "told", "in", "goal", "rounds, mean", ""], rows));
  console.log(
    live ? `\n${done.trials} comparisons made now` : `\n${trials} comparisons of each kind, by stored rounds`,
  );
  return done.found.every(({ kept }) => kept);
}
