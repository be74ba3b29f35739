/**
 * Which flags of the bench go together. A flag that would be dropped in silence lets something else be measured than
 * was asked for: those that clash stand in a table, and one that changes nothing of what would run is refused.
 */
import { exitCodes, Failure } from "../../platform/failure.ts";
import { checkFlags, type FlagRule, written } from "../../platform/flags.ts";
import type { BenchOptions, Cell } from "../scenarios/scenario.ts";
import { CAPACITY, chooseSources, type Request } from "./choose.ts";

const rules: readonly FlagRule[] = [
  {
    flag: "exec",
    not: ["server"],
    because: "it is short for one server; write --server name=command for more",
  },
  {
    flag: "target",
    not: ["server"],
    because: "it is short for one server; write --server name=url for more",
  },
  {
    flag: "against",
    not: ["exec", "target", "server"],
    because: "it compares the servers for Bun of two revisions of this project",
  },
  { flag: "pinTarget", not: ["exec"], because: "what that starts is pinned from its beginning" },
  {
    flag: "skipMissing",
    not: ["exec", "target", "against"],
    because: "without its server nothing would be left to run",
  },
  { flag: "budget", not: ["samples"], because: "it takes exactly so many rounds, however long they take" },
  { flag: "agents", needs: "nats", because: "agents are found there" },
  { flag: "nats", not: ["fleets"], because: "agents offer their own; see sockbench agent --cores" },
  {
    flag: "nats",
    not: ["exec", "against", "pinTarget", "calibrate"],
    because: "agents load a server that runs already; give its --target",
  },
  { flag: "rate", not: ["window"], because: "a rate is an open loop's, a window a closed one's" },
];

/** What a value of one flag excludes. */
const clashes: readonly { when: (request: Options) => boolean; words: (request: Options) => string }[] = [
  {
    when: ({ loop, rate }) => loop === "closed" && rate !== undefined,
    words: ({ rate }) => `--rate ${rate} does not go with --loop closed: a closed loop has no rate`,
  },
  {
    when: ({ loop, window }) => loop === "open" && window !== undefined,
    words: ({ window }) => `--window ${window} does not go with --loop open: an open loop waits for nothing`,
  },
  {
    when: ({ senders, connections }) => (senders ?? 0) > (connections ?? Number.POSITIVE_INFINITY),
    words: ({ senders, connections }) =>
      `--senders ${senders} does not go with --connections ${connections}: only members send`,
  },
  {
    when: ({ samples, maxSamples }) => (maxSamples ?? Number.POSITIVE_INFINITY) < (samples ?? 0),
    words: ({ samples, maxSamples }) =>
      `--max-samples ${maxSamples} does not go with --samples ${samples}: so many could never be valid`,
  },
  {
    when: (request) =>
      request.nats !== undefined &&
      (chooseSources(request).length !== 1 ||
        !["running", "by an agent"].includes(chooseSources(request)[0].kind)),
    words: () =>
      "--nats measures one server: --target url, --server name=url, or --server name of one that an agent starts",
  },
  {
    when: (request) =>
      request.pinTarget === true && chooseSources(request).every(({ kind }) => kind !== "running"),
    words: () => "--pin-target needs --target, or --server name=url: it pins a server that runs already",
  },
];

type Options = Request & { samples?: number; maxSamples?: number };

/** Flags that shape what is run, each with another value than the given one: if that changes nothing, neither did it. */
const shaping: { [Name in keyof BenchOptions]?: (value: never) => BenchOptions[Name] } = {
  loop: (value: string) => (value === "open" ? "closed" : "open"),
  connections: another,
  rate: another,
  duration: another,
  warmup: another,
  window: another,
  senders: another,
  size: another,
  fileSize: another,
  exhaustive: () => false,
};

function another(value: number): number {
  return value > 1 ? value - 1 : value + 1;
}

/** Only a search for capacity heeds these, and it heeds none of the others. */
const ofCapacity = ["objective", "grow"];
const notOfCapacity = ["samples", "maxSamples", "calibrate"];
const ofRepeats = ["samples", "maxSamples"];
/** Where there is but one server, nothing is compared. */
const ofComparison = ["budget", "threshold"];
/** Where nothing but the harness is measured, there is no server. */
const ofServers = [
  "target",
  "exec",
  "server",
  "against",
  "pinTarget",
  "skipMissing",
  "protocol",
  "transport",
  ...ofRepeats,
];

/** Throws a usage error where flags clash. */
export function checkPairs(given: object, request: Options): void {
  checkFlags(given, rules);
  const clash = clashes.find(({ when }) => when(request));
  if (clash) throw new Failure(exitCodes.usage, clash.words(request));
}

/** Throws a usage error for a given flag that changes nothing of what `cellsOf` makes of the request. */
export function checkEffects(
  names: readonly string[],
  given: object,
  request: Options,
  cellsOf: (request: Request) => Cell[],
): void {
  const lone = ofComparison.find((flag) => flag in given && !compares(given, request));
  if (lone !== undefined)
    throw new Failure(
      exitCodes.usage,
      `${written(lone)} is of comparisons, and there is one server alone: name more of them by --server, or --against`,
    );
  const cells = cellsOf(request);
  const idle = Object.keys(given).find((flag) => !hasEffect(flag, names, request, cells, cellsOf));
  if (idle === undefined) return;
  const run = new Set(cells.map(({ scenario }) => scenario));
  const what = run.size > 0 ? [...run].join(", ") : "--calibrate alone";
  const whose = ofCapacity.includes(idle) ? `, and only ${CAPACITY} heeds it` : "";
  throw new Failure(exitCodes.usage, `${written(idle)} would change nothing: what runs is ${what}${whose}`);
}

const compares = (given: object, request: Options): boolean =>
  "against" in given || chooseSources(request).length > 1;

function hasEffect(
  flag: string,
  names: readonly string[],
  request: Options,
  cells: readonly Cell[],
  cellsOf: (request: Request) => Cell[],
): boolean {
  const searching = names.includes(CAPACITY);
  if (ofCapacity.includes(flag)) return searching;
  if (searching && notOfCapacity.includes(flag)) return false;
  if (cells.length === 0 && ofServers.includes(flag)) return false;
  if (flag === "budget") return cells.some(({ blocks, reference }) => blocks && !reference);
  // A cell that is run once has its one sample.
  if (ofRepeats.includes(flag))
    return request[flag as "samples" | "maxSamples"] === 1 || cells.some(({ repeats }) => repeats);
  const change = shaping[flag as keyof BenchOptions];
  if (!change) return true;
  const value = request[flag as keyof BenchOptions];
  try {
    return print(cellsOf({ ...request, [flag]: change(value as never) })) !== print(cells);
  } catch (error) {
    // With the other value nothing could run at all.
    if (error instanceof Failure) return true;
    throw error;
  }
}

const print = (cells: readonly Cell[]) =>
  JSON.stringify(cells.map(({ scenario, variant, parameters }) => [scenario, variant, parameters]));
