/** Chooses the cases and the server to judge, runs them, and returns a report; the command line only prints. */
import { resolveProtocol } from "../clients/protocol-file.ts";
import { type ExitCode, exitCodes, Failure } from "../platform/failure.ts";
import { transportNames } from "../protocols/protocol.ts";
import { command } from "../targets/commands.ts";
import { namedServers } from "../targets/named.ts";
import { readEndpoint, running } from "../targets/running.ts";
import { isThirdParty, type ServerSource } from "../targets/server.ts";
import { blank, type Case, type CaseResult, isWrong, type Verdict } from "./case.ts";
import type { ConformOptions, ConformReport } from "./library.ts";
import { compareIds, inOrder } from "./order.ts";

import { matches, runCases } from "./runner.ts";
import { type Judged, platformItself } from "./servers-of.ts";
import { allSuites, type Suite, suites } from "./suites.ts";

export type { Case, CaseResult, Verdict } from "./case.ts";
export type { ConformOptions, ConformReport } from "./library.ts";
export { suites } from "./suites.ts";

export const TIMEOUT_MS = 2000;
const WORKERS = 4;
/** Protocols that run at once: their cases wait far more than they compute. */
const PROTOCOLS_AT_ONCE = 3;

/** The chosen cases, by protocol; throws when nothing matches, since running nothing is not a success. */
export function choose(asked: readonly string[] = []): { suite: Suite; cases: readonly Case[] }[] {
  // Cases that follow from a definition are for servers of it: ours are judged by the table.
  const all = asked.length === 0 ? suites : allSuites();
  // A protocol's name stands for the prefix of its ids: chat/bracket/2 is chat-bracket/2.
  const choice = asked.map((text) =>
    all
      .reduce((id, { name, slug }) => (id.startsWith(name) ? slug + id.slice(name.length) : id), text)
      .replace(/\/$/, ""),
  );
  const chosen = all.flatMap((suite) => {
    const cases =
      choice.length === 0
        ? suite.cases
        : suite.cases.filter(({ id }) => choice.some((prefix) => matches(id, prefix)));
    return cases.length > 0 ? [{ suite, cases: cases.toSorted((a, b) => compareIds(a.id, b.id)) }] : [];
  });
  const unmatched = choice.findIndex(
    (prefix) => !chosen.some(({ cases }) => cases.some(({ id }) => matches(id, prefix))),
  );
  if (unmatched >= 0)
    throw new Failure(
      exitCodes.unreachable,
      `no case matches "${asked[unmatched]}": expected one of: ${all.map(({ slug }) => slug).join(", ")}; see --list`,
    );
  return chosen;
}

/** The choice of one protocol's cases: all of them, or those of these numbers or ids. */
export async function chosenOf(given: string, asked: readonly string[] = []): Promise<string[]> {
  const name = await resolveProtocol(given);
  const suite = allSuites().find((one) => one.name === name);
  const usage = (why: string) => new Failure(exitCodes.usage, `--protocol ${given}: ${why}`);
  if (!suite) throw usage("it has neither a room nor requests, and no cases");
  const { slug } = suite;
  if (asked.length === 0) return [slug];
  const ids = asked.map((text) => (/^\d/.test(text) ? `${slug}/${text}` : text.replace(name, slug)));
  const other = ids.findIndex((id) => !matches(id, slug));
  if (other >= 0) throw usage(`${asked[other]} is no case of it: they begin with ${slug}/`);
  return ids;
}

/** A suite's cases for the servers of a source. */
export const judgedBy = (
  { protocol, path }: Suite,
  source: ServerSource,
  times: ConformOptions["times"] = {},
): Judged =>
  protocol
    ? {
        source,
        times,
        speaks: protocol.name,
        files: protocol.files ?? false,
        ...(path === undefined ? {} : { path }),
      }
    : platformItself();

/** Runs all items, at most `count` at once. */
export async function inParallel<T>(
  items: readonly T[],
  count: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(count, items.length) }, lane));
}

export async function conform(options: ConformOptions = {}): Promise<ConformReport> {
  const { protocol, choice: asked } = options;
  const chosen = choose(protocol === undefined ? asked : await chosenOf(protocol, asked));
  const source = sourceFor(options);
  if (isThirdParty(source)) onlyOneProtocol(chosen, source);
  else onlyOurs(chosen, options);
  const all: CaseResult[] = [];
  const results = inOrder(
    chosen.flatMap(({ cases }) => cases),
    (result) => {
      all.push(known(result, options.known));
      options.onResult?.(result);
    },
  );
  try {
    await inParallel(chosen, PROTOCOLS_AT_ONCE, async ({ suite, cases }) => {
      const judged = judgedBy(suite, source, options.times);
      const actual = await judged.source.missing?.(judged.speaks);
      if (actual !== undefined)
        for (const one of cases) results.add({ ...blank(one), verdict: "unsupported", actual });
      else
        await runCases(cases, {
          judged,
          health: suite.health,
          workers: options.workers ?? WORKERS,
          timeout: options.timeout ?? TIMEOUT_MS,
          ...(options.unsupported ? { unsupported: options.unsupported } : {}),
          onResult: results.add,
          onUnhealthy: (why) => options.onUnhealthy?.(suite.name, why),
        });
    });
  } finally {
    results.end();
  }
  return {
    schema: "sockbench-conform/1",
    target: options.target ?? source.name,
    strict: options.strict ?? false,
    results: all,
    counts: countsOf(all),
  };
}

/** The result, with the reason where it is a known deviation. */
function known(result: CaseResult, reasons: ConformOptions["known"] = {}): CaseResult {
  const reason = reasons[result.id];
  if (reason && (result.verdict === "fail" || result.verdict === "not strict")) result.known = reason;
  return result;
}

/** How the server that is to be judged is had; nothing is started yet. */
export function sourceFor({ source, server = "bun", target, exec, trust }: ConformOptions): ServerSource {
  if (source) return source;
  if (exec !== undefined && target === undefined)
    throw new Failure(exitCodes.usage, "--exec needs --target, the address at which the command answers");
  if (target === undefined) {
    const [one, ...others] = namedServers([server], trust);
    if (others.length === 0) return one;
    throw new Failure(exitCodes.usage, `--server ${server}: one server is judged at a time; see --all`);
  }
  const endpoint = { ...readEndpoint("--target", target), ...(trust ? { trust } : {}) };
  if (exec === undefined) return running("target", endpoint);
  return command("target", exec, endpoint, `--exec "${exec}"`);
}

/** A user's server speaks one protocol. */
function onlyOneProtocol(chosen: readonly { suite: Suite }[], { name, endpoint }: ServerSource): void {
  const [{ suite }] = chosen;
  const given = endpoint && name === "target" ? `--target ${endpoint.url}` : `--server ${name}`;
  const fits = ({ protocol }: Suite) =>
    protocol !== undefined && (!endpoint || protocol.transport === endpoint.transport);
  const usage = (why: string) => new Failure(exitCodes.usage, `${given}${why}`);
  if (chosen.length > 1) {
    const slugs = allSuites()
      .filter(fits)
      .map(({ slug }) => slug);
    throw usage(` speaks one protocol: name it. Expected one of: ${slugs.join(", ")}`);
  }
  if (!fits(suite)) {
    const where = suite.protocol
      ? `runs over ${transportNames[suite.protocol.transport]}`
      : "needs no server";
    throw usage(`: ${suite.name} ${where}${endpoint ? `, not ${transportNames[endpoint.transport]}` : ""}`);
  }
}

/** Of ours none speaks a protocol that is known by its definition alone. */
function onlyOurs(chosen: readonly { suite: Suite }[], { server, source }: ConformOptions): void {
  const one = chosen.find(({ suite }) => !suites.some(({ slug }) => slug === suite.slug));
  if (one && server === undefined && source === undefined)
    throw new Failure(
      exitCodes.usage,
      `no server of ours speaks ${one.suite.name}: name yours with --target <url>, or --server "mine=<command> {port}"`,
    );
}

export function countsOf(results: readonly CaseResult[]): Record<Verdict, number> {
  const counts: Record<Verdict, number> = {
    pass: 0,
    fail: 0,
    "not strict": 0,
    informational: 0,
    unsupported: 0,
    error: 0,
  };
  for (const { verdict } of results) counts[verdict]++;
  return counts;
}

/** The exit code of a report: wrong, could not run, or well. */
export function exitCodeOf({ counts, strict, results }: ConformReport): ExitCode {
  if (results.some((result) => isWrong(result, strict))) return exitCodes.wrong;
  if (counts.error > 0 || results.length === counts.unsupported) return exitCodes.unreachable;
  return exitCodes.ok;
}
