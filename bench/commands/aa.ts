/** `sockbench aa`: the false-positive rate and power of the comparison. */
import type { Command } from "commander";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { checkFlags, type FlagRule, givenIn, onceEach } from "../../platform/flags.ts";
import { wholeNumber } from "../../servers/standalone.ts";
import { type AaOptions, aa } from "../aa/aa.ts";
import { share } from "./share.ts";

const rules: readonly FlagRule[] = [
  { flag: "live", not: ["trials", "baseline"], because: "it makes comparisons now, of no stored rounds" },
  { flag: "apart", not: ["live", "trials", "baseline"], because: "it compares whole runs" },
  ...["occasions", "loaded", "slower", "folder", "threshold"].map((flag) => ({
    flag,
    needs: "apart",
    because: "only whole runs have occasions",
  })),
  { flag: "minutes", needs: "live", because: "stored rounds take seconds" },
];

export function addAaCommand(program: Command): void {
  const command = program
    .command("aa")
    .description("measure the false-positive rate and power of compare (A/A test)")
    .option(
      "--trials <number>",
      "comparisons of each kind, by the stored rounds",
      wholeNumber(1, 100_000),
      200,
    )
    .option("--seed <number>", "of the draws", wholeNumber(0, 2 ** 31 - 1), 1)
    .option(
      "--baseline <file>",
      "the stored rounds: a gzipped record (default: one that comes with sockbench)",
    )
    .option("--live", "by comparisons made now")
    .option("--minutes <number>", "with --live: how long", wholeNumber(1, 600), 10)
    .option("--apart", "by whole runs of bench, on several occasions: raw, and by the yardstick")
    .option("--occasions <number>", "with --apart: how many more", wholeNumber(0, 1000), 10)
    .option("--loaded", "with --apart: every second one beside a program that takes half of a core", false)
    .option(
      "--slower <percent>",
      "with --apart: every second two with a chat/bracket that burns so much CPU time on top",
      wholeNumber(1, 1000),
    )
    .option("--folder <path>", "with --apart: where its records are kept", "results/apart")
    .option("--threshold <share>", "with --apart: least change that counts", share, 0.25)
    .argument("[bench...]", "with --apart: what bench is asked for, behind --; its default run unless told")
    .action(async (asked: string[], options: AaOptions, command: Command) => {
      checkFlags(givenIn(command), rules);
      if (asked.length > 0 && !options.apart)
        throw new Failure(exitCodes.usage, `${asked[0]}: what bench is asked for needs --apart`);
      process.exitCode = (await aa(options, asked)) ? exitCodes.ok : exitCodes.wrong;
    });
  onceEach(command);
}
