/** `sockbench compare [old] [new]`: what has changed between two records, or differs between two servers. */
import { type Command, InvalidArgumentError } from "commander";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { printableLines } from "../../platform/printable.ts";
import { type CompareOptions, compareRecords, compareServers } from "../compare/compare.ts";
import { type Comparison, fails, type Gate, gates, isVoid } from "../compare/comparison.ts";
import { findRecord, lastRecords, recordPaths } from "../compare/find.ts";
import { historyOf, renderHistory } from "../compare/history.ts";
import { renderMarkdown, renderText } from "../compare/render.ts";
import { DEFAULT_THRESHOLD } from "../compare/verdicts.ts";
import { sentence } from "../compare/words.ts";
import { readRecord } from "../record.ts";

type Flags = Required<CompareOptions> & {
  results: string;
  servers?: [string, string];
  failOn: Gate;
  all?: boolean;
  markdown?: boolean;
  json?: boolean;
  history?: string;
};

export function addCompareCommand(program: Command): void {
  program
    .command("compare [old] [new]")
    .description("compare two records: files or ids, by default the last two")
    .option("--results <folder>", "where records are", "results")
    .option("--servers <a,b>", "compare two servers of one record, by default the last one", twoNames)
    .option("--threshold <share>", "least change that counts, as 5% or 0.05", share, DEFAULT_THRESHOLD)
    .option("--force", "compare unlike machines, versions or parameters all the same", false)
    .addOption(
      program
        .createOption("--fail-on <what>", "what ends with exit code 1, each with those before it")
        .choices(gates)
        .default("regression"),
    )
    .option("--all", "show the figures that are not tested, too")
    .option("--markdown", "print Markdown")
    .option("--json", "print JSON")
    .option("--history <metric>", "show one metric over all records instead")
    .action(async (old: string | undefined, now: string | undefined, flags: Flags) => {
      if (flags.history) return showHistory(flags.history, flags);
      const comparison = await compare(old, now, flags);
      if (flags.json) console.log(JSON.stringify({ ...comparison, sentence: sentence(comparison) }, null, 1));
      else
        console.log(
          printableLines(
            (flags.markdown ? renderMarkdown : renderText)(comparison, { all: flags.all ?? false }),
          ),
        );
      if (fails(comparison, flags.failOn)) process.exitCode = exitCodes.wrong;
      else if (isVoid(comparison)) process.exitCode = exitCodes.untrusted;
    });
}

async function compare(old: string | undefined, now: string | undefined, flags: Flags): Promise<Comparison> {
  const { results, servers } = flags;
  const pathOf = (text: string) => findRecord(text, results);
  if (servers) {
    if (now !== undefined)
      throw new Failure(exitCodes.usage, `--servers compares within one record: leave out "${now}"`);
    const record = await readRecord(old === undefined ? lastRecords(results, 1)[0] : pathOf(old));
    return compareServers(record, ...servers, flags);
  }
  const paths =
    old === undefined
      ? lastRecords(results, 2)
      : [pathOf(old), now === undefined ? lastRecords(results, 1)[0] : pathOf(now)];
  if (paths[0] === paths[1])
    throw new Failure(exitCodes.usage, `"${paths[0]}" would be compared with itself: name another record`);
  const [before, after] = await Promise.all(paths.map(readRecord));
  return compareRecords(before, after, flags);
}

async function showHistory(metric: string, { results, json }: Flags): Promise<void> {
  const records = await Promise.all(recordPaths(results).map(readRecord));
  const lines = historyOf(records, metric);
  if (lines.length === 0)
    throw new Failure(exitCodes.unreachable, `no record in ${results} has a valid sample with "${metric}"`);
  console.log(json ? JSON.stringify(lines, null, 1) : renderHistory(lines, metric));
}

function twoNames(text: string): [string, string] {
  const [a, b, ...more] = text.split(",");
  if (!a || !b || a === b || more.length > 0)
    throw new InvalidArgumentError("It takes two names of servers, as bun,go.");
  return [a, b];
}

function share(text: string): number {
  const value = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!/^\d+(\.\d+)?%?$/.test(text) || value <= 0 || value >= 1)
    throw new InvalidArgumentError("It takes a share, as 5% or 0.05.");
  return value;
}
