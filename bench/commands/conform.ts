/** `sockbench conform [protocol[/section[.case]]…]`: judges a server, ours or a stranger's, and says what is wrong. */
import { type Command, InvalidArgumentError } from "commander";
import { parseTarget, readTrust, targetForms } from "../../clients/target.ts";
import {
  type ConformOptions,
  type ConformReport,
  choose,
  conform,
  exitCodeOf,
  type Language,
  languages,
} from "../../conformance/index.ts";
import { matrixPage, matrixText, readTargets, runMatrix, TARGETS_FILE } from "../../conformance/matrix.ts";
import { explain, junit, oneLine, summary } from "../../conformance/report.ts";
import { parseUrl, whyUnreachable } from "../../conformance/target.ts";
import { serverTimes, type TimeName } from "../../conformance/times.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { provenCases } from "../../servers/mutants/index.ts";

type Options = {
  list?: true;
  unproven?: true;
  all?: string | true;
  html?: string;
  target?: string;
  insecure?: true;
  ca?: string;
  exec?: string;
  server?: Language;
  time?: Partial<Record<TimeName, number>>;
  strict?: true;
  junit?: string;
  json?: true;
  quiet?: true;
};

/** `--time idle=2`, as often as needed. */
function readTime(text: string, before: Options["time"] = {}): NonNullable<Options["time"]> {
  const [name, value] = text.split("=");
  const seconds = Number(value);
  if (!(name in serverTimes) || !(seconds > 0))
    throw new InvalidArgumentError(`It takes ${Object.keys(serverTimes).join(", ")}, and seconds: idle=2.`);
  return { ...before, [name]: seconds };
}

export function addConformCommand(program: Command): void {
  program
    .command("conform [cases...]")
    .description("judge a server by numbered cases: chat-bracket, relay/2, rfc6455/7.13")
    .option("--list", "list the cases and run nothing")
    .option("--unproven", "list the cases that no mutant makes fail")
    .option("--target <url>", `a server that runs: ${targetForms}`)
    .option("--insecure", "take any certificate of a tls:// or wss:// target")
    .option("--ca <file>", "who may sign its certificate (PEM), instead of the known authorities")
    .option("--exec <command>", "start this first, and wait until the target answers")
    .addOption(
      program
        .createOption("--server <language>", "which of the servers here")
        .choices(languages)
        .conflicts("target"),
    )
    .option("--all [file]", "judge every target of targets.json, or of another such file")
    .option("--html <file>", "with --all: write the matrix as a page")
    .option("--time <name=seconds>", "a time that the target has: idle, forget, ping, pong", readTime)
    .option("--strict", "a SHOULD that is not kept is a failure")
    .option("--junit <file>", "write the results in JUnit's form")
    .option("--json", "print the results as JSON, and nothing else")
    .option("--quiet", "print only what did not pass")
    .action(run);
}

async function run(cases: string[], options: Options): Promise<void> {
  if (options.html && !options.all)
    throw new Failure(exitCodes.usage, "--html needs --all: it writes the matrix");
  if (options.all && (options.target || options.exec || options.server))
    throw new Failure(
      exitCodes.usage,
      "--all takes its targets from a file, not from --target, --exec or --server",
    );
  if (options.list || options.unproven) list(cases, options);
  else if (options.all) await all(cases, options);
  else await one(cases, options);
}

function list(choice: string[], { unproven, json }: Options): void {
  const proven = provenCases();
  const chosen = choose(choice)
    .flatMap(({ cases }) => cases)
    .filter(({ id }) => !unproven || !proven.has(id))
    .map(({ id, title, level, requirement, source }) => ({
      id,
      title,
      level,
      requirement,
      source,
      proven: proven.has(id),
    }));
  if (json) console.log(JSON.stringify(chosen));
  else
    for (const { id, level, title, proven } of chosen)
      console.log(`${id.padEnd(18)} ${level.padEnd(6)} ${title}${proven ? "" : "  (unproven)"}`);
}

async function one(choice: string[], options: Options): Promise<void> {
  const { json, quiet, target, exec, server, time, strict } = options;
  // What one of the servers here is known not to support stands in targets.json.
  const declared = target
    ? undefined
    : (await readTargets()).find((entry) => entry.server === (server ?? "bun"));
  const trust = readTrust(options, target === undefined ? undefined : parseTarget(target));
  const settings: ConformOptions = {
    choice,
    ...(trust ? { trust } : {}),
    ...(target ? { target } : {}),
    ...(exec ? { exec } : {}),
    ...(server ? { server } : {}),
    ...(time ? { times: time } : {}),
    ...(strict ? { strict } : {}),
    ...(declared?.unsupported ? { unsupported: declared.unsupported } : {}),
    ...(declared?.known ? { known: declared.known } : {}),
    onResult(result) {
      const good = result.verdict === "pass" || result.verdict === "unsupported";
      // Those that were not run are told together, at the end.
      if (json || result.notRun || (quiet && good)) return;
      console.log(good || result.verdict === "informational" ? oneLine(result) : explain(result));
      for (const fact of result.found ?? []) console.log(`    ${fact}`);
    },
  };
  if (target)
    settings.onUnhealthy = (protocol, why) =>
      console.error(
        `${target} does not serve a client that keeps every rule of ${protocol} (${why}); is this the protocol that it speaks?`,
      );
  const why = target && !exec ? await whyUnreachable(parseUrl(target, trust)) : undefined;
  if (why !== undefined) throw new Failure(exitCodes.unreachable, `--target ${why}`);
  const report = await conform(settings);
  if (json) console.log(JSON.stringify(report));
  else console.log(`\n${summary(report)}`);
  await end(report, options);
}

async function end(report: ConformReport, options: Options): Promise<void> {
  if (options.junit) await Bun.write(options.junit, junit(report));
  process.exitCode = exitCodeOf(report);
}

async function all(choice: string[], options: Options): Promise<void> {
  const file = typeof options.all === "string" ? options.all : TARGETS_FILE;
  const matrix = await runMatrix(await readTargets(file), choice, {
    strict: options.strict ?? false,
    onTarget: (name) => console.error(`judging ${name} …`),
  });
  if (options.html) await Bun.write(options.html, matrixPage(matrix));
  if (options.junit)
    await Bun.write(
      options.junit,
      matrix.map(({ report }) => junit(report).replace(/^<\?xml.*\n/, "")).join(""),
    );
  console.log(options.json ? JSON.stringify(matrix) : matrixText(matrix));
  if (options.html && !options.json) console.log(`the page: ${options.html}`);
  process.exitCode = Math.min(...matrix.map(({ report }) => exitCodeOf(report)).map((code) => code || 9)) % 9;
}
