/** `sockbench aa`: the false-positive rate and power of the comparison. */
import type { Command } from "commander";
import { exitCodes } from "../../platform/failure.ts";
import { checkFlags, type FlagRule, givenIn, onceEach } from "../../platform/flags.ts";
import { wholeNumber } from "../../servers/standalone.ts";
import { type AaOptions, aa } from "../aa/aa.ts";

const rules: readonly FlagRule[] = [
  { flag: "live", not: ["trials", "baseline"], because: "it makes comparisons now, of no stored rounds" },
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
    .allowExcessArguments(false)
    .action(async (options: AaOptions, command: Command) => {
      checkFlags(givenIn(command), rules);
      process.exitCode = (await aa(options)) ? exitCodes.ok : exitCodes.wrong;
    });
  onceEach(command);
}
