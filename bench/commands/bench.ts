/** `sockbench bench [scenario…]`: runs scenarios, prints their tables, writes a record. */
import { type Command, Option } from "commander";
import { parseTarget, type Target } from "../../clients/target.ts";
import { seconds, wholeNumber } from "../../servers/standalone.ts";
import { type ExitCode, exitCodes, Failure } from "../failure.ts";
import { showProgress } from "../progress.ts";
import { type RunRecord, writeRecord } from "../record.ts";
import { run } from "../run.ts";
import { scenarios } from "../scenarios/index.ts";
import { type BenchOptions, type Cell, transportOf } from "../scenarios/scenario.ts";
import {
  commandSource,
  implementation,
  implementationNames,
  runningTarget,
  type ServerSource,
} from "../servers.ts";
import { printRun } from "../summary.ts";

type Flags = BenchOptions & {
  target?: string;
  exec?: string;
  server: string;
  samples?: number;
  maxSamples?: number;
  fleets?: number;
  results: string;
  json?: boolean;
};

const QUICK_SAMPLES = 1;
const SAMPLES = 2;

export function addBenchCommand(program: Command): void {
  program
    .command("bench")
    .description("run scenarios, print their tables, write a record")
    .argument("[scenario...]", scenarios.map(({ name, summary }) => `${name}: ${summary}`).join("; "))
    .option("--quick", "fewer and shorter samples", false)
    .option(
      "--target <url>",
      "a server that runs already: tcp://host:port, udp://host:port, ws://host:port/path",
    )
    .option("--exec <command>", "start this server; its address is --target, or its own JSON line")
    .option("--server <names>", `implementations to compare, of ${implementationNames.join(", ")}`, "bun")
    .addOption(new Option("--transport <name>", "only protocols over it").choices(["tcp", "udp", "ws"]))
    .option("--protocol <name>", "only this protocol, such as chat/bracket")
    .addOption(new Option("--loop <kind>", "only this kind of load").choices(["open", "closed"]))
    .option("--connections <number>", "members of the room, or connections", wholeNumber(2, 20_000))
    .option("--rate <number>", "open loop: messages a second over all senders", wholeNumber(1, 1_000_000))
    .option("--duration <seconds>", "measured time of a sample", seconds)
    .option("--warmup <seconds>", "time before it", seconds)
    .option("--window <number>", "closed loop: outstanding messages of a sender", wholeNumber(1, 4096))
    .option("--senders <number>", "how many of the members send", wholeNumber(1, 1000))
    .option("--size <bytes>", "bytes of a message", wholeNumber(32, 60_000))
    .option("--samples <number>", "valid samples of each cell", wholeNumber(1, 1000))
    .option("--max-samples <number>", "samples that may be taken for them", wholeNumber(1, 2000))
    .option("--fleets <number>", "client processes (one a spare core)", wholeNumber(1, 64))
    .option("--seed <number>", "of everything that is random", wholeNumber(0, 2 ** 31 - 1), 1)
    .option("--exhaustive", "framing: every split of the longest lines too (about a minute)", false)
    .option("--results <folder>", "where the record goes", "results")
    .option("--json", "print the record, and nothing else, on standard output")
    .action(async (names: string[], flags: Flags) => {
      process.exit(await bench(names, flags));
    });
}

/** Runs what the command line asks for; resolves with the exit code. */
async function bench(names: string[], flags: Flags): Promise<ExitCode> {
  const target = readTarget(flags.target);
  const sources = readSources(flags, target);
  const cells = chooseCells(names, flags, target);
  const samples = flags.samples ?? (flags.quick ? QUICK_SAMPLES : SAMPLES);
  const interrupt = Promise.withResolvers<never>();
  interrupt.promise.catch(() => {});
  const onSignal = () => interrupt.reject(new Failure(exitCodes.untrusted, "interrupted"));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, onSignal);
  const progress = showProgress();
  const { record, failure } = await run({
    cells,
    sources,
    samples,
    ...(flags.samples ? {} : { glances: 1 }),
    maxSamples: flags.maxSamples ?? samples * 2 + 1,
    fleets: flags.fleets,
    command: ["bench", ...Bun.argv.slice(3)],
    interrupted: interrupt.promise,
    onProgress: progress.tell,
  });
  progress.end();
  if (record.samples.length === 0)
    throw failure ?? new Failure(exitCodes.unreachable, `nothing ran: ${record.warnings.join("; ")}`);
  const path = await writeRecord(record, flags.results);
  if (flags.json) console.log(JSON.stringify(record));
  else printRun(record, path);
  if (failure) console.error(`error: ${failure.message}; what was finished is in ${path}`);
  return codeOf(record, failure);
}

/** A wrong server outranks what ended the run, and that outranks doubts about figures. */
function codeOf(record: RunRecord, failure: Failure | undefined): ExitCode {
  if (record.samples.some(({ wrong }) => wrong.length > 0)) return exitCodes.wrong;
  if (failure) return failure.exitCode;
  return record.warnings.length > 0 ? exitCodes.untrusted : exitCodes.ok;
}

export function readTarget(url: string | undefined): Target | undefined {
  if (url === undefined) return undefined;
  const target = parseTarget(url);
  if (target) return target;
  throw new Failure(
    exitCodes.usage,
    `--target ${url}: it takes tcp://host:port, udp://host:port or ws://host:port/path`,
  );
}

function readSources({ exec, server }: Flags, target: Target | undefined): ServerSource[] {
  if (exec !== undefined) return [commandSource(exec, target)];
  if (target) return [runningTarget(target)];
  return server.split(",").map((name) => {
    if (!implementationNames.includes(name))
      throw new Failure(exitCodes.usage, `--server ${name}: there is ${implementationNames.join(", ")}`);
    return implementation(name);
  });
}

function chooseCells(names: string[], flags: Flags, target: Target | undefined): Cell[] {
  const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined)
    throw new Failure(
      exitCodes.usage,
      `unknown scenario "${unknown}": there is ${scenarios.map(({ name }) => name).join(", ")}`,
    );
  const protocols = new Set(scenarios.flatMap(({ protocols }) => protocols));
  if (flags.protocol !== undefined && !protocols.has(flags.protocol))
    throw new Failure(exitCodes.usage, `--protocol ${flags.protocol}: there is ${[...protocols].join(", ")}`);
  if (target && flags.transport && flags.transport !== target.transport)
    throw new Failure(exitCodes.usage, `--transport ${flags.transport} does not fit --target ${target.url}`);
  const options: BenchOptions = target ? { ...flags, transport: target.transport } : flags;
  const cells = scenarios
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .flatMap((scenario) => scenario.cells(options))
    .filter(({ protocol }) => !target || fitsTarget(protocol, target, flags));
  if (cells.length > 0) return cells;
  throw new Failure(exitCodes.unreachable, "nothing to run: no scenario fits these flags together");
}

/** Without `--protocol` a target is taken for the first protocol of its transport. */
function fitsTarget(protocol: string, target: Target, { protocol: chosen }: Flags): boolean {
  const first = { tcp: "chat/bracket", udp: "relay", ws: "sum/ws" }[target.transport];
  return transportOf(protocol) === target.transport && protocol === (chosen ?? first);
}
