/**
 * Transfer: how fast files arrive, confirmed by count and SHA-256, and what memory the server needs for it.
 * Beside it, in the same run, the same bytes by the plainest copy through sockets: the ratio is what counts.
 */
import type { TransferPlan, TransferReport } from "../../clients/workloads/transfer.ts";
import { onThisBun, program } from "../../targets/programs.ts";
import { REFERENCE, type Sample } from "../record/record.ts";
import { joinMeters, perSecond } from "../record/samples.ts";
import { bytes, duration, median, table } from "../terminal/format.ts";
import { groups, validOf } from "./rows.ts";
import {
  type BenchOptions,
  type Cell,
  protocolsFor,
  type SampleContext,
  type SampleParts,
  type Scenario,
} from "./scenario.ts";

const MIB = 1_048_576;
const FILE_MIB = 64;
const QUICK_MIB = 16;
const WARM_BYTES = 8 * MIB;
const TIMEOUT_SECONDS = 120;

const ways = {
  file: {},
  "raw copy": { reference: program(REFERENCE, () => onThisBun(`${import.meta.dir}/raw-copy.ts`)) },
} satisfies Record<string, Partial<Cell>>;

export const transfer: Scenario = {
  name: "transfer",
  summary: "files by the file protocol and by a raw copy: bytes a second, memory, every receipt checked",
  fits: ({ files }) => files === true,
  cells: (options) =>
    protocolsFor(transfer, options).flatMap(({ name }) =>
      Object.entries(ways).map(([way, cell]) => ({ ...cellOf(name, way, options), ...cell })),
    ),
  table: transferTable,
};

function cellOf(protocol: string, way: string, { fileSize, quick, seed }: BenchOptions): Cell {
  const mebibytes = fileSize ?? (quick ? QUICK_MIB : FILE_MIB);
  return {
    scenario: "transfer",
    variant: `${way} ${mebibytes} MiB`,
    protocol,
    parameters: { protocol, way, bytes: mebibytes * MIB, seed },
    repeats: true,
    files: true,
    run: (context) =>
      runCell({ protocol, way: way === "file" ? "file" : "raw", bytes: mebibytes * MIB, seed }, context),
  };
}

async function runCell(
  shape: Pick<TransferPlan, "protocol" | "way" | "bytes" | "seed">,
  context: SampleContext,
): Promise<SampleParts> {
  const plan: TransferPlan = {
    ...shape,
    workload: "transfer",
    target: context.target,
    serverPids: context.serverPids,
    // New also to a server that runs since long, and keeps what it got.
    name: `sockbench-${crypto.randomUUID()}`,
    warmBytes: Math.min(WARM_BYTES, shape.bytes),
  };
  const [report] = await context.fleets.run<TransferReport>(plan, {
    fleets: 1,
    onProgress: context.onProgress,
    broken: context.broken,
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const meters = joinMeters([report.used]);
  const mebibytes = shape.bytes / MIB;
  return {
    counts: { bytes: shape.bytes, transfers: 2, failed: report.faults.length },
    metrics: {
      transferRate: perSecond(shape.bytes, report.elapsed),
      ...(meters.serverCpu === null ? {} : { serverCpuPerMebibyte: meters.serverCpu / mebibytes }),
      ...(report.memory
        ? {
            serverMemoryPeak: report.memory.peak,
            serverMemoryGrowth: Math.max(0, report.memory.peak - report.memory.before),
          }
        : {}),
    },
    histograms: {},
    witnesses: report.faults.map(({ kind, words }) => ({ kind, text: words })),
    meters,
    wrong: report.faults.map(({ kind, words }) => ({ kind, count: 1, words })),
  };
}

function transferTable(samples: Sample[]): string {
  const isRaw = ({ parameters }: Sample) => parameters.way !== "file";
  const at = (list: Sample[], name: string) =>
    median(validOf(list).flatMap(({ metrics }) => metrics[name] ?? []));
  const raw = at(samples.filter(isRaw), "transferRate");
  const rows = groups(samples).map(({ key, samples }) => {
    const rate = at(samples, "transferRate");
    return [
      key,
      `${validOf(samples).length}/${samples.length}`,
      rate === undefined ? "–" : `${bytes(rate)}/s`,
      rate === undefined || !raw || isRaw(samples[0]) ? "" : (rate / raw).toFixed(2),
      duration(at(samples, "serverCpuPerMebibyte")),
      bytes(at(samples, "serverMemoryPeak")),
      bytes(at(samples, "serverMemoryGrowth")),
      String(samples.reduce((sum, { counts }) => sum + counts.failed, 0)),
    ];
  });
  const head = ["transfer", "valid", "rate", "of raw", "server CPU a MiB", "peak memory", "growth", "failed"];
  return table(head, rows);
}
