/**
 * Transfer: how fast files arrive, confirmed by count and SHA-256, and what memory the server needs for it.
 * Beside it, in the same run, the same bytes by the plainest copy through sockets: the ratio is what counts.
 */
import type { TransferPlan, TransferReport } from "../../clients/workloads/transfer.ts";
import { ours, program } from "../../targets/programs.ts";
import { medianOf } from "../record/cells.ts";
import { REFERENCE, type Sample } from "../record/record.ts";
import { joinMeters, perSecond } from "../record/samples.ts";
import { isValid } from "../record/validity.ts";
import { type Computed, count, type RowSamples } from "./columns.ts";
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
  "raw copy": { reference: program(REFERENCE, () => ours("bench/scenarios/raw-copy.ts")) },
} satisfies Record<string, Partial<Cell>>;

const isRaw = ({ parameters }: Sample) => parameters.way !== "file";

/** The file's rate as a share of the raw copy's. */
const ofRaw: Computed = {
  heading: "of raw",
  value({ shown, table }: RowSamples) {
    const rate = medianOf(shown, "transferRate");
    const raw = medianOf(table.filter(isRaw).filter(isValid), "transferRate");
    return rate === undefined || !raw || isRaw(shown[0]) ? "" : (rate / raw).toFixed(2);
  },
};

export const transfer: Scenario = {
  name: "transfer",
  summary: "files by the file protocol and by a raw copy: bytes per second, memory, every receipt checked",
  fits: ({ files }) => files === true,
  cells: (options) =>
    protocolsFor(transfer, options).flatMap(({ name }) =>
      Object.entries(ways).map(([way, cell]) => ({ ...cellOf(name, way, options), ...cell })),
    ),
  tables: [
    {
      title: "transfer",
      columns: [
        "transferRate",
        ofRaw,
        "serverCpuPerMebibyte",
        "serverMemoryPeak",
        "serverMemoryGrowth",
        count("failed"),
      ],
    },
  ],
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
