/** `sockbench conform [protocol[/section[.case]]…]`: judges a server, ours or a third-party one, and says what is wrong. */
import { type Command, InvalidArgumentError } from "commander";
import { endpointForms, parseEndpoint, readTrust, type TlsTrust } from "../../clients/endpoint.ts";
import { resolveProtocol } from "../../clients/protocol-file.ts";
import {
  type ConformOptions,
  type ConformReport,
  choose,
  conform,
  exitCodeOf,
  sourceFor,
} from "../../conformance/index.ts";
import { declared, runMatrix } from "../../conformance/matrix.ts";
import { matrixPage } from "../../conformance/matrix-page.ts";
import { matrixText } from "../../conformance/matrix-text.ts";
import { explain, junit, oneLine, summary } from "../../conformance/report.ts";
import { serverTimes, type TimeName, timeNames } from "../../conformance/times.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { checkFlags, type FlagRule, once } from "../../platform/flags.ts";
import { printable, printableLines } from "../../platform/printable.ts";
import { checkWritable, writeWhole } from "../../platform/write-file.ts";
import { provenCases } from "../../servers/mutants/index.ts";
import { OUR_TARGETS, readTargets } from "../../targets/file.ts";
import { entryNamed } from "../../targets/named.ts";
import { implementationNames } from "../../targets/programs.ts";
import { whyUnreachable } from "../../targets/ready.ts";

type Options = {
  protocol?: string;
  list?: true;
  unproven?: true;
  all?: string | true;
  html?: string;
  target?: string;
  insecure?: true;
  ca?: string;
  exec?: string;
  server?: string;
  time?: Partial<Record<TimeName, number>>;
  strict?: true;
  junit?: string;
  json?: true;
  quiet?: true;
};

/** `--time idle=2`, as often as needed, each time once. */
function readTime(text: string, before: Options["time"] = {}): NonNullable<Options["time"]> {
  const [name, value] = text.split("=");
  const seconds = Number(value);
  if (!(name in serverTimes) || !(seconds > 0))
    throw new InvalidArgumentError(`Expected one of: ${timeNames.join(", ")}, with seconds: idle=2.`);
  if (name in before) throw new InvalidArgumentError(`${name} is given already.`);
  return { ...before, [name]: seconds };
}

/** Commands that run nothing, or judge several targets, have no use for the flags of one run. */
const ofOneRun = ["target", "exec", "server", "insecure", "ca", "time", "quiet"];
const ofARun = [...ofOneRun, "all", "html", "junit", "strict"];
const rules: readonly FlagRule[] = [
  { flag: "list", not: ofARun, because: "a list runs nothing" },
  { flag: "unproven", not: ofARun, because: "a list runs nothing" },
  { flag: "all", not: ofOneRun, because: "the file of --all says for each target how it is judged" },
  { flag: "html", needs: "all", because: "it writes the matrix of all targets" },
  { flag: "server", not: ["target", "exec"], because: "it names the server, or starts it, by itself" },
  { flag: "exec", needs: "target", because: "the address at which the command answers" },
  { flag: "quiet", not: ["json"], because: "the JSON holds every case" },
];

export function addConformCommand(program: Command): void {
  program
    .command("conform [cases...]")
    .description("run conformance cases against a server: chat-bracket, relay/2, rfc6455/7.13")
    .option("--protocol <name|file>", "the cases of this protocol, or of your own: ./mine.ts", once)
    .option("--list", "list the cases without running them")
    .option("--unproven", "list the cases that no mutant fails")
    .option("--target <url>", `a running server: ${endpointForms}`, once)
    .option("--insecure", "accept any certificate of a tls:// or wss:// target")
    .option("--ca <file>", "trust the CAs in this PEM file instead of the built-in ones", once)
    .option(
      "--exec <command>",
      "start the server with this shell command, and wait until the target answers",
      once,
    )
    .option(
      "--server <server>",
      `another server: ${implementationNames.join(", ")}, a name in targets.json, "name=./server --port {port}"`,
      once,
    )
    .option(
      "--all [file]",
      "run against every target of targets.json (here, or sockbench's), or of another such file",
    )
    .option("--html <file>", "with --all: write the matrix as an HTML page", once)
    .option("--time <name=seconds>", `a timeout of the target: ${timeNames.join(", ")}`, readTime)
    .option("--strict", "treat a violated SHOULD as a failure")
    .option("--junit <file>", "write the results as JUnit XML", once)
    .option("--json", "print the results as JSON only")
    .option("--quiet", "print only cases that did not pass")
    .action(run);
}

async function run(cases: string[], options: Options): Promise<void> {
  checkFlags(options, rules);
  if (options.protocol !== undefined) cases = [...cases, await resolveProtocol(options.protocol)];
  if (options.list || options.unproven) return list(cases, options);
  if (options.junit !== undefined) checkWritable("--junit", options.junit);
  if (options.html !== undefined) checkWritable("--html", options.html);
  if (options.all) await all(cases, options);
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

/** What is known of a server by its name: of ours in our targets.json, of others in the one that is meant. */
function knownOf(server: string): ConformOptions {
  const entry = implementationNames.includes(server)
    ? readTargets(OUR_TARGETS).find((one) => one.server === server)
    : server.includes("=")
      ? undefined
      : entryNamed(server);
  return entry ? declared(entry) : {};
}

async function one(asked: string[], options: Options): Promise<void> {
  const { json, quiet, target, exec, server, time, strict } = options;
  const known = target ? {} : knownOf(server ?? "bun");
  const choice = asked.length > 0 ? asked : [...(known.choice ?? [])];
  checkTimes(choice, time);
  const { insecure, ca } = options;
  const trust: TlsTrust = { ...(insecure ? { insecure } : {}), ...(ca === undefined ? {} : { ca }) };
  if (target !== undefined) readTrust(trust, parseEndpoint(target));
  const settings: ConformOptions = {
    ...known,
    choice,
    trust,
    ...(target ? { target } : {}),
    ...(exec ? { exec } : {}),
    ...(server ? { server } : {}),
    ...(time ? { times: { ...known.times, ...time } } : {}),
    ...(strict ? { strict } : {}),
    onResult(result) {
      const { verdict, known, notRun } = result;
      const good = verdict === "pass" || verdict === "unsupported";
      // Cases that were not run are reported together, at the end.
      if (json || notRun || (quiet && good)) return;
      const words = good || known || verdict === "informational" ? oneLine(result) : explain(result);
      console.log(
        [words, ...(result.found ?? []).map((fact) => `    ${fact}`)].map(printableLines).join("\n"),
      );
    },
  };
  if (!implementationNames.includes(server ?? (target ? "" : "bun")))
    settings.onUnhealthy = (protocol, why) =>
      console.error(
        `${target ?? server?.split("=")[0]} does not serve a well-behaved client of ${protocol} (${printable(why)}); does it speak this protocol?`,
      );
  const { kind, name, endpoint } = sourceFor(settings);
  const why = endpoint && kind === "running" ? await whyUnreachable(endpoint) : undefined;
  if (why !== undefined)
    throw new Failure(exitCodes.unreachable, `${target ? "--target" : `--server ${name}:`} ${why}`);
  const report = await conform(settings);
  if (json) console.log(JSON.stringify(report));
  else console.log(`\n${printableLines(summary(report))}`);
  end([report], [["--junit", options.junit, () => junit([report])]]);
}

/** A time that no case uses would be ignored silently. */
function checkTimes(choice: readonly string[], time: Options["time"] = {}): void {
  const waitedFor = choose(choice).flatMap(({ cases }) => cases.flatMap(({ times = [] }) => times));
  const unused = timeNames.find((name) => name in time && !waitedFor.includes(name));
  if (unused) throw new Failure(exitCodes.usage, `--time ${unused}=${time[unused]}: no chosen case uses it`);
}

async function all(choice: string[], options: Options): Promise<void> {
  const targets = typeof options.all === "string" ? readTargets(options.all) : readTargets();
  const matrix = await runMatrix(targets, choice, {
    strict: options.strict ?? false,
    onTarget: (name) => console.error(`judging ${printable(name)} …`),
  });
  const reports = matrix.map(({ report }) => report);
  console.log(
    options.json
      ? JSON.stringify(matrix)
      : printableLines(matrixText(matrix, process.stdout.columns || Number.POSITIVE_INFINITY)),
  );
  end(reports, [
    ["--html", options.html, () => matrixPage(matrix)],
    ["--junit", options.junit, () => junit(reports)],
  ]);
}

type Output = [flag: string, path: string | undefined, text: () => string];

/** Writes what is to be written, once the results have been printed: they are not lost where that fails. */
function end(reports: readonly ConformReport[], outputs: readonly Output[]): void {
  const codes = reports.map(exitCodeOf);
  process.exitCode = [exitCodes.wrong, exitCodes.unreachable].find((code) => codes.includes(code)) ?? 0;
  for (const [flag, path, text] of outputs)
    try {
      if (path === undefined) continue;
      writeWhole(path, text());
      if (flag === "--html") console.error(`the page: ${path}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      console.error(`error: ${flag} ${printable(error.message)}`);
      process.exitCode ||= error.exitCode;
    }
}
