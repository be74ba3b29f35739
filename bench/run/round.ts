/**
 * One round of a comparison: a fresh process of each server, all alive together on the same CPUs, driven in turn by
 * one fleet. It gives a sample of each; what is compared are their slices, block by block (clients/workloads/blocks.ts).
 */
import type { Progress } from "../../clients/exchange.ts";
import type { SumWitness } from "../../clients/request-clients.ts";
import type { BlockServer, BlocksReport } from "../../clients/workloads/blocks.ts";
import type { Promises } from "../../protocols/definition.ts";
import { protocolOf } from "../../protocols/index.ts";
import type { ServerSource, ServerUnderTest } from "../../targets/server.ts";
import { metersOf, middleFigures, sliceFigures, type WorkUnit } from "../record/blocks.ts";
import type { Sample } from "../record/record.ts";
import { faultKinds, faultsOf, lostConnections, requestWitness } from "../record/samples.ts";
import type { Cell } from "../scenarios/scenario.ts";
import type { Fleets } from "./fleets.ts";

export type RoundOptions = {
  /** Blocks, and how long each server is driven in one. */
  blocks: number;
  sliceMs: number;
  /** Slices before the first block; by default until the figures have settled, bounded. */
  warmSlices?: number;
  seed: number;
  /** Different for each round, so that a stray message of an earlier one is seen as such. */
  tag: number;
  fleets: Fleets;
  onProgress: (progress: Progress) => void;
  interrupted: Promise<never>;
};

const TIMEOUT_SECONDS = 60;

/** What each server's sample is made of, in the order of the servers. */
export type RoundParts = Pick<
  Sample,
  "counts" | "metrics" | "histograms" | "witnesses" | "wrong" | "slices" | "retaken"
> &
  Pick<Sample, "meters">;

/** Drives servers that stand, and tells what each did. */
export async function driveRound(
  cell: Cell & Required<Pick<Cell, "blocks">>,
  servers: readonly ServerUnderTest[],
  options: RoundOptions,
): Promise<RoundParts[]> {
  const { blocks, sliceMs, warmSlices, seed, fleets, onProgress, interrupted } = options;
  const load = cell.blocks(options.tag);
  const [report] = await fleets.run<BlocksReport>(
    {
      workload: "blocks",
      protocol: cell.protocol,
      servers: servers.map((server) => ({
        target: server.url,
        serverPids: server.pids(),
        ...(server.trust ? { trust: server.trust } : {}),
      })),
      load,
      seed,
      blocks,
      sliceMs,
      ...(warmSlices === undefined ? {} : { warmSlices }),
    },
    {
      fleets: 1,
      onProgress,
      broken: Promise.race([interrupted, ...servers.map(({ broken }) => broken)]),
      timeoutSeconds: TIMEOUT_SECONDS + (blocks * servers.length * sliceMs * 4) / 1000,
    },
  );
  const unit = load.kind === "room" ? "Delivery" : "Request";
  const { promises } = protocolOf(cell.protocol);
  return report.servers.map((server) => partsOf(server, unit, promises));
}

function partsOf(server: BlockServer, unit: WorkUnit, promises: Promises): RoundParts {
  const slices = sliceFigures(server.slices, unit);
  const kinds = faultKinds(unit, promises);
  const { counts } = server;
  return {
    counts: { ...counts, measured: server.slices.reduce((sum, { done }) => sum + done, 0) },
    metrics: {
      ...middleFigures(slices),
      ...(promises.mayLose && counts.expected > 0 ? { lossShare: counts.lost / counts.expected } : {}),
    },
    histograms: server.histograms,
    witnesses:
      unit === "Request"
        ? (server.witnesses as SumWitness[]).map(requestWitness)
        : (server.witnesses as Sample["witnesses"]),
    wrong: [...faultsOf(counts, kinds), ...lostConnections([server])],
    meters: metersOf(server),
    slices,
    retaken: server.retaken,
  };
}

/** Sources whose servers can stand beside each other: of one at a fixed address there is but one. */
export const canStandTogether = (sources: readonly ServerSource[]): boolean =>
  new Set(sources.map(({ endpoint, name }) => endpoint?.url ?? name)).size === sources.length;
