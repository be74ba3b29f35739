/** A record in the terminal: each scenario's table, then what is wrong, what cannot be trusted, and where it is. */

import { printableLines } from "../../platform/printable.ts";
import { split } from "../../targets/named.ts";
import { compareAll } from "../compare/compare.ts";
import { LEAST_RANKED, rank } from "../compare/ranking.ts";
import { renderText } from "../compare/render.ts";
import { renderRanking } from "../compare/render-ranking.ts";
import { cellName, cellsOf, serversOf } from "../record/cells.ts";
import { clockNotes, machineWords } from "../record/machines.ts";
import { metrics as builtInMetrics, type Metrics } from "../record/metrics.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { unpinnedServers } from "../record/samples.ts";
import { duration, percent, whole } from "../record/units.ts";
import { isValid } from "../record/validity.ts";
import { scenarios as builtInScenarios } from "../scenarios/index.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { calibrationTable } from "./calibration.ts";
import { capacityTable } from "./capacity.ts";
import { wrapped } from "./format.ts";
import { legend, tablesOf, UNBOUNDED } from "./tables.ts";

const WITNESSES_SHOWN = 3;

export function printRun(record: RunRecord, path: string, threshold?: number): void {
  const width = process.stdout.columns ?? UNBOUNDED;
  console.log(renderRun(record, path, { width, ...(threshold === undefined ? {} : { threshold }) }));
}

export type RenderOptions = {
  /** Characters of a line; unbounded unless told. */
  width?: number;
  scenarios?: readonly Scenario[];
  metrics?: Metrics;
  /** Of comparisons: least change that counts. */
  threshold?: number;
};

export function renderRun(record: RunRecord, path: string, options: RenderOptions = {}): string {
  const { width = UNBOUNDED, scenarios = builtInScenarios, metrics = builtInMetrics } = options;
  const tables = scenarios.flatMap((one) => {
    const samples = record.samples.filter(({ scenario }) => scenario === one.name);
    return samples.length > 0 ? tablesOf(one, samples, metrics, width) : [];
  });
  const parts = [
    ...comparedParts(record, { ...options, width, metrics }),
    ...(record.calibration ? [calibrationTable(record.calibration)] : []),
    ...tables,
    ...(record.capacity ? [capacityTable(record.capacity)] : []),
    ...[legend(tables).join("\n")].filter((part) => part !== ""),
    ...[wrongPart(record), trustPart(record)].filter((part) => part !== ""),
    closing(record, path),
  ];
  // Witnesses, names and a server's own words are data: no control character of theirs reaches the terminal.
  return wrapped(printableLines(parts.join("\n\n")), width);
}

/** The answer to what several servers were run for: it stands first, and its first line is a sentence. */
function comparedParts(
  record: RunRecord,
  { width = UNBOUNDED, threshold, ...options }: RenderOptions,
): string[] {
  const { metrics = builtInMetrics } = options;
  const how = { metrics, ...(threshold === undefined ? {} : { threshold }) };
  if (serversOf(record.samples).length >= LEAST_RANKED) {
    const ranking = rank(record, how);
    return ranking.comparisons.length > 0 ? [renderRanking(ranking, { width })] : [];
  }
  return compareAll(record, how).map((comparison) => renderText(comparison, { width }));
}

function wrongPart(record: RunRecord): string {
  const { samples } = record;
  const wrong = samples.filter(({ wrong }) => wrong.length > 0);
  const given = new Map(wrong.flatMap((one) => hadBy(record, one).map((flags) => [flags, one.protocol])));
  return [
    ...cellsOf(wrong).flatMap(({ samples: [sample, ...again] }) => [
      `WRONG ${cellName(sample)}: ${sample.wrong.map(faultText).join("; ")}${again.length > 0 ? ` (and in ${again.length} more samples)` : ""}`,
      ...sample.witnesses.slice(0, WITNESSES_SHOWN).map(witnessLine),
    ]),
    // The bench shows that something is wrong; the cases say what is required, and what came instead.
    ...[...given].map(
      ([flags, protocol]) =>
        `what it should do instead, case by case: ${runScript("conform")} ${protocol.replace("/", "-")} ${flags}`,
    ),
  ].join("\n");
}

/** How a server of the user's was given, for another command; none for those of ours. */
function hadBy({ command }: RunRecord, { server, target }: Sample): string[] {
  if (server === "target") return [`--target ${target}`];
  const named = command.flatMap(split).find((text) => text.startsWith(`${server}=`));
  return named === undefined ? [] : [`--server '${named.replaceAll("'", "'\\''")}'`];
}

/** As the one who reads it started us: npm hands on only flags that stand behind `--`. */
const runScript = (name: string) =>
  process.env.npm_config_user_agent?.startsWith("npm/") ? `npm run ${name} --` : `bun run ${name}`;

const faultText = ({ kind, count, words }: Sample["wrong"][number]) =>
  kind === "stopped" ? words : `${whole(count)} ${kind}: ${words}`;

function witnessLine({
  kind,
  receiver,
  sender,
  sequence,
  text,
  expected,
}: Sample["witnesses"][number]): string {
  const who = [
    receiver === undefined ? "" : ` at receiver ${receiver}`,
    sender === undefined ? "" : ` from sender ${sender}`,
    sequence === undefined ? "" : `, message ${sequence}`,
  ].join("");
  const came = text === undefined ? "" : `: ${JSON.stringify(text)}`;
  return `  ${kind}${who}${came}${expected === undefined ? "" : `, expected ${JSON.stringify(expected)}`}`;
}

function trustPart(record: RunRecord): string {
  const said = record.samples.flatMap((sample) =>
    Object.entries(sample.serverCounters ?? {}).map(
      ([what, count]) => `${cellName(sample)} says itself: ${what}: ${whole(count)}`,
    ),
  );
  const invalid = record.samples.filter((sample) => !isValid(sample));
  const rules = [
    ...Map.groupBy(
      invalid.flatMap(({ invalid }) => invalid),
      ({ rule }) => rule,
    ),
  ];
  const lines = rules.map(
    ([rule, [{ words, value, unit }, ...more]]) =>
      `${discarded(more.length + 1)}: ${rule}${Number.isInteger(value) ? ` (${whole(value)} ${unit})` : ""}: ${words}`,
  );
  const silent = record.samples
    .filter(isSilent)
    .map((sample) => `${cellName(sample)}: no delivery for ${duration(sample.metrics.longestSilence)}`);
  const warnings = record.warnings.map((warning) => `WARNING ${warning}`);
  return [
    ...clockNotes(record.samples),
    ...eachOnce(said),
    ...silent,
    ...unknownCpu(record),
    ...lines,
    ...warnings,
  ].join("\n");
}

/** Equal lines once, with how often they came. */
const eachOnce = (lines: readonly string[]): string[] =>
  [...Map.groupBy(lines, (line) => line)].map(([line, all]) =>
    all.length > 1 ? `${line} (${all.length}×)` : line,
  );

const counted = (samples: number) => `${whole(samples)} sample${samples === 1 ? "" : "s"}`;

const discarded = (samples: number) => `${counted(samples)} discarded`;

/** Why a figure of the server's CPU time is missing: once for each reason and server. */
function unknownCpu({ samples }: RunRecord): string[] {
  const reasons = Map.groupBy(
    samples.filter(({ meters }) => meters?.serverCpuUnknown !== undefined),
    ({ server, meters }) => `${server}: its CPU time is unknown: ${meters?.serverCpuUnknown}`,
  );
  return [...reasons].map(([words, list]) => `${words} (${list.length}×)`);
}

/** A silence that a user of the server would notice, and that the load does not explain. */
const SILENCE_NS = 500e6;
const SILENT_MESSAGES = 20;

function isSilent({ metrics, parameters }: Sample): boolean {
  const silence = metrics.longestSilence ?? 0;
  const interval = typeof parameters.rate === "number" ? 1e9 / parameters.rate : 0;
  return silence > SILENCE_NS && silence > interval * SILENT_MESSAGES;
}

function pinnedText(record: RunRecord): string {
  if (!record.environment.pinned) return "not pinned";
  const left = unpinnedServers(record);
  if (left.length === 0) return "server and fleets pinned apart";
  return record.samples.every(({ server }) => left.includes(server))
    ? "fleets pinned, the server left as it was"
    : `servers and fleets pinned apart, but ${left.join(", ")} left as it was`;
}

function closing(record: RunRecord, path: string): string {
  const { samples, environment, partial } = record;
  const stolen = samples.flatMap(({ meters }) => meters?.stolen ?? []);
  const most = stolen.length > 0 ? `, at most ${percent(Math.max(...stolen))} of the CPU stolen` : "";
  const pinned = pinnedText(record);
  const how = `${counted(samples.length)} on ${environment.cores} × ${environment.cpu}, Bun ${environment.bun}, ${environment.fleets} fleet${environment.fleets === 1 ? "" : "s"}, ${pinned}${most}`;
  const machines = machineWords(record);
  const where =
    machines.length === 0
      ? how
      : `${counted(samples.length)} over ${machines.length} machines (${machines.join("; ")})${most}`;
  return `${where}\n${partial ? `PARTIAL: ${partial}\n` : ""}record: ${path}`;
}
