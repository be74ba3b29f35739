/** `sockbench bench [scenario…]`: runs scenarios, prints their tables, writes a record. */
import { tmpdir } from "node:os";
import { type Command, Option } from "commander";
import { endpointForms, shownUrl } from "../../clients/endpoint.ts";
import { loadedWords, resolveProtocol } from "../../clients/protocol-file.ts";
import { endSignals } from "../../platform/at-exit.ts";
import { type ExitCode, exitCodes, Failure } from "../../platform/failure.ts";
import { givenIn, onceEach, several } from "../../platform/flags.ts";
import { printable } from "../../platform/printable.ts";
import { checkFolder } from "../../platform/write-file.ts";
import { primaryOf } from "../../protocols/index.ts";
import { seconds, wholeNumber } from "../../servers/standalone.ts";
import { implementationNames } from "../../targets/programs.ts";
import type { ServerSource } from "../../targets/server.ts";
import { capacity, firstStep } from "../capacity/capacity.ts";
import { compareAll } from "../compare/compare.ts";
import { fails } from "../compare/comparison.ts";
import { ratiosOf } from "../compare/ratios.ts";
import { DEFAULT_THRESHOLD } from "../compare/verdicts.ts";
import { withoutSecrets } from "../machines/broker.ts";
import { gathering } from "../machines/machines.ts";
import { type RunRecord, writeRecord } from "../record/record.ts";
import { withRevision } from "../run/against.ts";
import { apartOf } from "../run/apart.ts";
import { boundBy, CAPACITY, checkProtocol, chooseCells, chooseSources, type Request } from "../run/choose.ts";
import { BUDGET_SECONDS, comparisonOf } from "../run/comparing.ts";
import { checkEffects, checkPairs } from "../run/flags.ts";
import { run } from "../run/run.ts";
import type { RunResult, SessionOptions } from "../run/session.ts";
import { checkShared } from "../run/shared.ts";
import { scenarios } from "../scenarios/index.ts";
import type { Cell } from "../scenarios/scenario.ts";
import { showProgress } from "../terminal/progress.ts";
import { printRun } from "../terminal/summary.ts";
import { codeOf } from "./exit-code.ts";
import { share } from "./share.ts";

type Flags = Omit<Request, "servers"> & {
  server?: string[];
  against?: string;
  samples?: number;
  maxSamples?: number;
  budget?: number;
  threshold?: number;
  fleets?: number;
  agents?: number;
  results: string;
  json?: boolean;
  calibrate?: boolean;
  busy?: boolean;
  objective: string;
  grow: "rate" | "connections";
};

const QUICK_SAMPLES = 1;
const SAMPLES = 2;

const scenarioHelp = [
  ...scenarios,
  { name: CAPACITY, summary: "the highest rate at which --objective holds" },
]
  .map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`)
  .join("\n");

export function addBenchCommand(program: Command): void {
  const command = program
    .command("bench")
    .description("run scenarios, print their tables, write a record")
    .argument("[scenario...]", `which; all but ${CAPACITY} when none is named`)
    .addHelpText("after", `\nScenarios:\n${scenarioHelp}`)
    .option("--quick", "fewer and shorter samples", false)
    .option("--target <url>", `a server that runs already: ${endpointForms}`)
    .option("--insecure", "take any certificate of a tls:// or wss:// target")
    .option("--ca <file>", "who may sign its certificate (PEM), instead of the known authorities")
    .option("--pin-target", "keep the target's processes apart from the fleets while it is measured", false)
    .option("--exec <command>", "start this server; its address is --target, or its own JSON line")
    .option(
      "--server <servers>",
      `servers to compare, repeatable: ${implementationNames.join(", ")}, names in targets.json, "name=./server --port {port}", name=url (default: bun)`,
      several,
    )
    .option("--skip-missing", "go on without a server that fails to start")
    .option("--against <revision>", "compare this tree's servers with those of a git revision, in one run")
    .addOption(new Option("--transport <name>", "only protocols over it").choices(["tcp", "udp", "ws"]))
    .option("--protocol <name|file>", "only this protocol, such as chat/bracket, or your own: ./mine.ts")
    .addOption(new Option("--loop <kind>", "only this kind of load").choices(["open", "closed"]))
    .option("--connections <number>", "members of the room, or connections", wholeNumber(2, 20_000))
    .option("--rate <number>", "open loop: messages per second over all senders", wholeNumber(1, 1_000_000))
    .option("--duration <seconds>", "measured time of a sample", seconds)
    .option("--warmup <seconds>", "time before it", seconds)
    .option("--window <number>", "closed loop: outstanding messages of a sender", wholeNumber(1, 4096))
    .option("--senders <number>", "how many of the members send", wholeNumber(1, 1000))
    .option("--size <bytes>", "bytes of a message", wholeNumber(32, 60_000))
    .option("--file-size <MiB>", "transfer: size of the file", wholeNumber(1, 1024))
    .option(
      "--samples <number>",
      "valid samples of each cell; of several servers, rounds",
      wholeNumber(1, 1000),
    )
    .option("--max-samples <number>", "samples that may be taken for them", wholeNumber(1, 2000))
    .option(
      "--budget <seconds>",
      `comparing servers: time for rounds until all is decided (default: ${BUDGET_SECONDS} per cell)`,
      seconds,
    )
    .option("--threshold <share>", "comparing servers: least change that counts, as 5% or 0.05", share)
    .option("--fleets <number>", "client processes (one per spare core)", wholeNumber(1, 64))
    .option("--nats <url>", "fleets of sockbench agents on other machines, found at this NATS server")
    .option("--agents <number>", "how many of them; all that are there without it", wholeNumber(1, 1000))
    .option("--busy", "measure on a busy machine too: neither wait for quiet nor give up")
    .option("--seed <number>", "of everything that is random", wholeNumber(0, 2 ** 31 - 1), 1)
    .option("--calibrate", "measure the harness itself first; alone, nothing else")
    .option("--objective <clauses>", "capacity: what must hold", "p99<5ms,loss=0")
    .addOption(
      new Option("--grow <what>", "capacity: what is raised")
        .choices(["rate", "connections"])
        .default("rate"),
    )
    .option("--exhaustive", "framing: every split of the longest lines too (20 s per room)", false)
    .option("--results <folder>", "where the record goes", "results")
    .option("--json", "print the record, and nothing else, on standard output")
    .action(async (names: string[], flags: Flags, command: Command) => {
      process.exit(await bench(names, flags, givenIn(command)));
    });
  onceEach(command);
}

/** Runs what the command line asks for; resolves with the exit code. */
async function bench(names: string[], flags: Flags, given: object): Promise<ExitCode> {
  if (flags.protocol !== undefined)
    flags.protocol = await resolveProtocol(flags.protocol, (loaded) => console.error(loadedWords(loaded)));
  // npm keeps flags for itself that do not stand behind `--`, and tells a script of them so.
  if (process.env.npm_config_quick === "true" && !flags.quick)
    throw new Failure(exitCodes.usage, "npm took --quick for itself; write npm run bench -- --quick");
  const request: Request = { ...flags, servers: flags.server ?? ["bun"] };
  checkPairs(given, { ...flags, ...request });
  const cells = cellsOf(names, request, flags);
  checkEffects(names, given, { ...flags, ...request }, (request) => cellsOf(names, request, flags));
  if (!flags.against) checkShared(chooseSources(request), cells, request);
  checkFolder("--results", flags.results);
  const timed = cells.length === 0 || cells.some(({ repeats }) => repeats);
  const interrupted = interruption();
  const sources = flags.against ? [] : chooseSources(request);
  const session: SessionOptions = {
    fleets: flags.fleets,
    command: ["bench", ...Bun.argv.slice(3).map((text) => withoutSecrets(shownUrl(text)))],
    interrupted,
    gather: gathering(flags, sources, interrupted),
    // Of agents' machines each sample tells by itself.
    quiet: timed && !flags.busy && !flags.nats ? { tell: console.error } : undefined,
  };
  let base: string | undefined;
  const measure = (sources: ServerSource[]) => {
    if (flags.against) base = sources[0].name;
    return names.includes(CAPACITY)
      ? searchCapacity(names, request, flags, sources, session)
      : takeSamples(names, request, flags, sources, session);
  };
  const { record, failure: ended } = flags.against
    ? await withRevision(flags.against, measure)
    : await measure(sources);
  const failure = ended && withAdvice(ended, names, request);
  // A wrong command line, though it took a round to know, has its one line.
  if ((record.samples.length === 0 && !record.calibration) || failure?.exitCode === exitCodes.usage)
    throw failure ?? new Failure(exitCodes.unreachable, `nothing ran: ${record.warnings.join("; ")}`);
  if (record.yardstick) record.yardstick.ratios = ratiosOf(record);
  const { path, lost } = await keep(record, flags.results);
  if (flags.json) console.log(JSON.stringify(record));
  else printRun(record, path ?? "none", thresholdOf(flags));
  if (failure)
    console.error(
      `error: ${printable(failure.message)}${path === undefined ? "" : ` (the samples taken before are in ${path})`}`,
    );
  if (lost)
    console.error(`error: ${printable(lost.message)}${path === undefined ? "" : `; it is in ${path}`}`);
  if (
    flags.against &&
    !failure &&
    compareAll(record, { threshold: thresholdOf(flags) }).some((found) => fails(found, "regression"))
  )
    return exitCodes.wrong;
  return codeOf(record, failure, base) || (lost ? lost.exitCode : exitCodes.ok);
}

const thresholdOf = ({ threshold = DEFAULT_THRESHOLD }: Pick<Flags, "threshold">): number => threshold;

/** Writes the record, or where its folder has become unwritable meanwhile, into that for temporary files. */
async function keep(record: RunRecord, folder: string): Promise<{ path?: string; lost?: Failure }> {
  let lost: Failure | undefined;
  for (const place of [folder, tmpdir()])
    try {
      return { path: await writeRecord(record, place), ...(lost ? { lost } : {}) };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      lost ??= error;
    }
  return lost ? { lost } : {};
}

/** Rejects at the first signal, so that what was finished is kept; the second ends the program at once. */
function interruption(): Promise<never> {
  const interrupt = Promise.withResolvers<never>();
  interrupt.promise.catch(() => {});
  let signals = 0;
  for (const signal of endSignals)
    process.on(signal, () => {
      if (signals++ > 0) process.exit(exitCodes.untrusted);
      interrupt.reject(new Failure(exitCodes.untrusted, "interrupted"));
    });
  return interrupt.promise;
}

/** What to do about a server that cannot be had: it may only speak another protocol than it was taken for. */
function withAdvice(failure: Failure, names: string[], request: Request): Failure {
  const { message, exitCode } = failure;
  if (exitCode !== exitCodes.unreachable) return failure;
  const guess = request.protocol === undefined && boundBy(names, request)?.protocol;
  const advice = [
    ...(guess && !message.includes(FAILED_BY_ITSELF) ? [`taken for ${guess}; --protocol names another`] : []),
    ...(message.includes(FAILED) && chooseSources(request).length > 1
      ? ["--skip-missing goes on without it"]
      : []),
  ];
  return advice.length > 0 ? new Failure(exitCode, `${message} (${advice.join("; ")})`) : failure;
}

const FAILED = "failed to start: ";
const FAILED_BY_ITSELF = `${FAILED}it ended`;

/** What would be run: of a search for capacity its first step, of --calibrate alone nothing. */
function cellsOf(names: string[], request: Request, { calibrate, grow }: Flags): Cell[] {
  if (names.includes(CAPACITY))
    return [firstStep({ protocol: capacityProtocol(request), grow, bench: request })];
  return calibrate && names.length === 0 ? [] : chooseCells(names, request);
}

function capacityProtocol(request: Request): string {
  checkProtocol(request);
  return (
    request.protocol ?? boundBy([], request)?.protocol ?? primaryOf(request.transport ?? "tcp")?.name ?? ""
  );
}

async function takeSamples(
  names: string[],
  request: Request,
  flags: Flags,
  sources: ServerSource[],
  session: SessionOptions,
): Promise<RunResult> {
  const samples = flags.samples ?? (flags.quick ? QUICK_SAMPLES : SAMPLES);
  const cells = cellsOf(names, request, flags);
  const progress = showProgress();
  const result = await run({
    ...session,
    cells,
    sources,
    samples,
    ...(flags.samples ? {} : { secondarySamples: 1 }),
    maxSamples: flags.maxSamples ?? samples * 2 + (flags.quick ? 0 : 1),
    calibrate: flags.calibrate ?? false,
    skipMissing: flags.skipMissing ?? false,
    seed: flags.seed,
    comparison: comparisonOf(flags, cells),
    // One fleet of this machine drives a round: whoever asks for several gets samples, which all of them load.
    ...((flags.fleets ?? 1) > 1 || flags.nats !== undefined ? {} : { apart: apartOf(cells, flags) }),
    onProgress: progress.tell,
  });
  progress.end();
  return result;
}

async function searchCapacity(
  names: string[],
  request: Request,
  { objective, grow }: Flags,
  sources: ServerSource[],
  session: SessionOptions,
): Promise<RunResult> {
  if (names.length > 1)
    throw new Failure(
      exitCodes.usage,
      `${CAPACITY} is searched by itself, without ${names.filter((name) => name !== CAPACITY).join(", ")}`,
    );
  if (session.gather)
    throw new Failure(exitCodes.usage, `${CAPACITY} is searched by fleets of this machine, without --nats`);
  if (sources.length > 1)
    throw new Failure(exitCodes.usage, `${CAPACITY} is searched of one server at a time`);
  const protocol = capacityProtocol(request);
  const onStep = (words: string) => console.error(`capacity ${protocol}: ${words}`);
  return capacity({ ...session, source: sources[0], protocol, objective, grow, bench: request, onStep });
}
