/** `sockbench compare [old] [new]`: what has changed between two records, or differs between two servers. */
import { type Command, InvalidArgumentError } from "commander";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { checkFlags, type FlagRule, givenIn, onceEach } from "../../platform/flags.ts";
import { printableLines } from "../../platform/printable.ts";
import { type CompareOptions, compareRecords, compareServers } from "../compare/compare.ts";
import { type Comparison, fails, type Gate, gates, isVoid } from "../compare/comparison.ts";
import { everyRecord, type Found, findRecord, lastRecords } from "../compare/find.ts";
import { historyOf, renderHistory } from "../compare/history.ts";
import { LEAST_RANKED, rank } from "../compare/ranking.ts";
import { rankingSentence } from "../compare/ranking-words.ts";
import { renderMarkdown, renderText } from "../compare/render.ts";
import { renderRanking, renderRankingMarkdown } from "../compare/render-ranking.ts";
import { DEFAULT_THRESHOLD } from "../compare/verdicts.ts";
import { sentence } from "../compare/words.ts";
import type { RunRecord } from "../record/record.ts";
import { wrapped } from "../terminal/format.ts";
import { share } from "./share.ts";

type Flags = Required<CompareOptions> & {
  results: string;
  servers?: string[];
  failOn: Gate;
  all?: boolean;
  markdown?: boolean;
  json?: boolean;
  history?: string;
};

const rules: readonly FlagRule[] = [
  {
    flag: "history",
    not: ["servers", "threshold", "force", "failOn", "all", "markdown"],
    because: "a history shows one metric and compares nothing",
  },
  { flag: "json", not: ["markdown", "all"], because: "JSON is for programs, and has all figures" },
];

export function addCompareCommand(program: Command): void {
  const command = program
    .command("compare [record] [record]")
    .description("compare two records, the earlier with the later: files or ids, by default the last two")
    .option("--results <folder>", "where records are", "results")
    .option(
      "--servers <a,b,…>",
      "compare servers of one record, by default the last one; three or more are ranked",
      serverNames,
    )
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
    .action(async (old: string | undefined, now: string | undefined, flags: Flags, command: Command) => {
      checkFlags(givenIn(command), rules);
      if (flags.history && old !== undefined)
        throw new Failure(exitCodes.usage, `--history shows all records of a folder: leave out "${old}"`);
      if (flags.history) return showHistory(flags.history, flags);
      if (flags.servers && flags.servers.length >= LEAST_RANKED)
        return showRanking(flags.servers, old, now, flags);
      const comparison = await compare(old, now, flags);
      if (flags.json) console.log(JSON.stringify({ ...comparison, sentence: sentence(comparison) }, null, 1));
      else if (flags.markdown)
        console.log(printableLines(renderMarkdown(comparison, { all: flags.all ?? false })));
      else printText(comparison, flags.all ?? false);
      if (fails(comparison, flags.failOn)) process.exitCode = exitCodes.wrong;
      else if (isVoid(comparison)) process.exitCode = exitCodes.untrusted;
    });
  onceEach(command);
}

function printText(comparison: Comparison, all: boolean): void {
  const width = process.stdout.columns ?? Number.POSITIVE_INFINITY;
  console.log(wrapped(printableLines(renderText(comparison, { all, width })), width));
}

/** Servers in an order; as of two, the first named is what the others are held against for the exit code. */
async function showRanking(
  servers: readonly string[],
  old: string | undefined,
  now: string | undefined,
  flags: Flags,
): Promise<void> {
  const { all = false, json, markdown, failOn } = flags;
  const ranking = rank(await recordOfServers(old, now, flags), flags, servers);
  const { comparisons, record } = ranking;
  if (comparisons.length === 0)
    throw new Failure(
      exitCodes.untrusted,
      `${servers.join(", ")} have no cell in common in record ${record}`,
    );
  const width = process.stdout.columns ?? Number.POSITIVE_INFINITY;
  if (json) console.log(JSON.stringify({ ...ranking, sentence: rankingSentence(ranking) }, null, 1));
  else if (markdown) console.log(printableLines(renderRankingMarkdown(ranking, { all })));
  else console.log(wrapped(printableLines(renderRanking(ranking, { all, width })), width));
  const withFirst = comparisons.filter((comparison) => comparison.old.name === servers[0]);
  if (withFirst.some((comparison) => fails(comparison, failOn))) process.exitCode = exitCodes.wrong;
  else if (comparisons.every(isVoid)) process.exitCode = exitCodes.untrusted;
}

async function recordOfServers(
  text: string | undefined,
  second: string | undefined,
  { results }: Flags,
): Promise<RunRecord> {
  if (second !== undefined)
    throw new Failure(exitCodes.usage, `--servers compares within one record: leave out "${second}"`);
  return (await namedOrLast(text, results)).record;
}

async function compare(old: string | undefined, now: string | undefined, flags: Flags): Promise<Comparison> {
  const { results, servers } = flags;
  if (servers) {
    const [a, b] = servers;
    return compareServers(await recordOfServers(old, now, flags), a, b, flags);
  }
  const [before, after] =
    old === undefined
      ? await lastRecords(results, 2)
      : [await findRecord(old, results), await namedOrLast(now, results)];
  if (before.path === after.path)
    throw new Failure(exitCodes.usage, `"${before.path}" would be compared with itself: name another record`);
  const [older, newer] = byTime(before.record, after.record);
  return compareRecords(older, newer, flags);
}

/** The earlier of two runs is the old one, in whatever order they are named. */
const byTime = (a: RunRecord, b: RunRecord): [RunRecord, RunRecord] =>
  a.startedAt <= b.startedAt ? [a, b] : [b, a];

const namedOrLast = async (text: string | undefined, results: string): Promise<Found> =>
  text === undefined ? (await lastRecords(results, 1))[0] : findRecord(text, results);

async function showHistory(metric: string, { results, json }: Flags): Promise<void> {
  const records = (await everyRecord(results)).map(({ record }) => record);
  const lines = historyOf(records, metric);
  if (lines.length === 0)
    throw new Failure(exitCodes.unreachable, `no record in ${results} has a valid sample with "${metric}"`);
  console.log(json ? JSON.stringify(lines, null, 1) : renderHistory(lines, metric));
}

function serverNames(text: string): string[] {
  const names = text.split(",");
  if (names.length < 2 || names.includes("") || new Set(names).size < names.length)
    throw new InvalidArgumentError("It takes two or more names of servers, as bun,go.");
  return names;
}
