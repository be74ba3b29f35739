#!/usr/bin/env bun
/**
 * `bun run aa`: the false-positive rate and the power of the comparison (A/A test). 100 comparisons of a server with itself
 * may give 2 false alarms at most; the same server slowed by a known 10 % must be found in 95 of 100 at least.
 *
 * Both on real samples, recorded once by record-baseline.ts, so that the answer comes quickly and is the same
 * each time. Each comparison takes consecutive rounds from a random place of that record, as a run of the bench
 * would have given them, until both sides have enough valid samples.
 */
import { Command } from "commander";
import { exitCodes } from "../../platform/failure.ts";
import { seededRandom } from "../../platform/random.ts";
import { wholeNumber } from "../../servers/standalone.ts";
import { compareServers } from "../compare/compare.ts";
import { fails } from "../compare/comparison.ts";
import { changeText } from "../compare/words.ts";
import { type RunRecord, recordSchema, type Sample } from "../record/record.ts";
import { percent } from "../record/units.ts";
import { isValid } from "../record/validity.ts";
import { table } from "../terminal/format.ts";

export const baselinePath = `${import.meta.dir}/../../results/baseline/aa.json.gz`;

/** The reference chat room, the same once more, and one that burns 10 % of its CPU time on top. */
export const baselineServers = { a: "bun", again: "bun again", slow: "bun slowed by 10 %" };

/** The figure in which the 10 % are known. */
const FIGURE = "serverCpuPerDelivery";

/** What is asked for, in 100 comparisons. */
export const limits = { falseAlarms: 2, found: 95 };

/** Samples per side with which the limits are kept on a machine as noisy as that of the baseline. */
export const RECOMMENDED_SAMPLES = 80;

export async function readBaseline(path = baselinePath): Promise<RunRecord> {
  return recordSchema.parse(JSON.parse(Buffer.from(Bun.gunzipSync(await Bun.file(path).bytes())).toString()));
}

export type Trials = { samples: number; trials: number; seed: number };
export type Outcome = { falseAlarms: number; found: number };

/** Runs both kinds of comparison as often as told. */
export function judgeComparison(baseline: RunRecord, { samples, trials, seed }: Trials): Outcome {
  const random = seededRandom(seed);
  const rounds = roundsOf(baseline);
  const outcome = { falseAlarms: 0, found: 0 };
  for (let i = 0; i < trials; i++) {
    // Which of the two equal servers stands on which side is drawn anew each round.
    const equal = draw(baseline, rounds, samples, random, ([a, again]) =>
      random() < 0.5 ? [a, again] : [again, a],
    );
    if (fails(equal, "change")) outcome.falseAlarms++;
    const slowed = draw(baseline, rounds, samples, random, ([a, again, slow]) => [
      random() < 0.5 ? a : again,
      slow,
    ]);
    const row = slowed.cells[0].rows.find(({ metric }) => metric === FIGURE);
    if (row?.verdict === "slower") outcome.found++;
  }
  return outcome;
}

/** The samples of each round: of the server, of its twin, and of the slowed one. */
function roundsOf({ samples }: RunRecord): Sample[][] {
  const names = [baselineServers.a, baselineServers.again, baselineServers.slow];
  const byRound = Map.groupBy(samples, ({ order }) => Math.floor(order / names.length));
  return [...byRound.values()].map((round) =>
    names.map((name) => round.find(({ server }) => server === name)!),
  );
}

/** Compares two sides drawn from consecutive rounds, with `enough` valid samples each. */
function draw(
  baseline: RunRecord,
  rounds: readonly Sample[][],
  enough: number,
  random: () => number,
  pick: (round: Sample[]) => [Sample, Sample],
) {
  const sides: [Sample[], Sample[]] = [[], []];
  const start = Math.floor(random() * rounds.length);
  for (let i = 0; i < rounds.length && sides.some((side) => side.length < enough); i++) {
    pick(rounds[(start + i) % rounds.length]).forEach((sample, index) => {
      const side = sides[index];
      if (side.length < enough && isValid(sample)) side.push({ ...sample, server: ["a", "b"][index] });
    });
  }
  return compareServers({ ...baseline, samples: sides.flat() }, "a", "b");
}

async function main(): Promise<void> {
  const program = new Command("aa")
    .description("The false-positive rate and power of the comparison (A/A test)")
    .option("--samples <number>", "samples per side", wholeNumber(2, 1000), RECOMMENDED_SAMPLES)
    .option("--trials <number>", "comparisons of each kind", wholeNumber(1, 100_000), 100)
    .option("--seed <number>", "of the draws", wholeNumber(0, 2 ** 31 - 1), 1)
    .option("--sweep", "tries other numbers of samples, too")
    .option("--baseline <file>", "the recorded samples", baselinePath)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage));
  const { samples, trials, seed, sweep, baseline: path } = program.parse().opts();
  const baseline = await readBaseline(path);
  console.log(describe(baseline));
  if (sweep) {
    const counts = [5, 10, 20, 30, 40, 60, 80, 100, 120, 160];
    const rows = counts.map((n) => {
      const { falseAlarms, found } = judgeComparison(baseline, { samples: n, trials, seed });
      return [`${n}`, percent(falseAlarms / trials), percent(found / trials)];
    });
    console.log(`\n${table(["samples per side", "false positives", "10 % found"], rows)}\n`);
  }
  const { falseAlarms, found } = judgeComparison(baseline, { samples, trials, seed });
  console.log(`with ${samples} samples per side:`);
  console.log(
    `  one server with itself: ${falseAlarms} false positives in ${trials} (at most ${limits.falseAlarms} in 100)`,
  );
  console.log(`  slowed by 10 %: found in ${found} of ${trials} (at least ${limits.found} of 100)`);
  const kept = falseAlarms <= (limits.falseAlarms * trials) / 100 && found >= (limits.found * trials) / 100;
  process.exitCode = kept ? exitCodes.ok : exitCodes.wrong;
}

/** What the whole baseline says, all of its samples together. */
function describe(baseline: RunRecord): string {
  const { a, again, slow } = baselineServers;
  const change = (x: string, y: string) => {
    const row = compareServers(baseline, x, y).cells[0].rows.find(({ metric }) => metric === FIGURE)!;
    return `${y} to ${x}: ${row.label} ${changeText(row)}, ${row.old.samples} and ${row.new.samples} valid samples`;
  };
  return [change(a, again), change(a, slow)].join("\n");
}

if (import.meta.main) await main();
