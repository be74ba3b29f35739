/**
 * One round of a comparison: a fresh process of each server, all alive together on the same CPUs, driven in turn by
 * one fleet. It gives a sample of each; what is compared are their slices, block by block (clients/workloads/blocks.ts).
 */
import type { Progress } from "../../clients/exchange.ts";
import { decodeHistogram } from "../../clients/histogram.ts";
import type { SumWitness } from "../../clients/request-clients.ts";
import { underWay } from "../../clients/room.ts";
import type { BlockLoad, BlockServer, BlocksReport } from "../../clients/workloads/blocks.ts";
import { memory, udpDrops } from "../../platform/proc.ts";
import { type Protocol, protocolOf } from "../../protocols/index.ts";
import type { ServerSource, ServerUnderTest } from "../../targets/server.ts";
import {
  achievedShare,
  metersOf,
  middleFigures,
  sliceFigures,
  tailFigures,
  type WorkUnit,
} from "../record/blocks.ts";
import type { Sample } from "../record/record.ts";
import { faultKinds, faultsOf, lostConnections, percentiles, requestWitness } from "../record/samples.ts";
import type { Fleets } from "./fleets.ts";

export type RoundOptions = {
  /** Blocks, and how long each server is driven in one. */
  blocks: number;
  sliceMs: number;
  /** Slices before the first block; by default until the figures have settled, bounded. */
  warmSlices?: number;
  /** Whether a closed loop has the same in flight in each round. */
  steady?: boolean;
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

/** One that stands, and the load that it gets in the protocol that it speaks. */
export type Driven = { server: ServerUnderTest; load: BlockLoad };

/** Drives servers that stand, each as its own load has it, and tells what each did. */
export async function driveRound(servers: readonly Driven[], options: RoundOptions): Promise<RoundParts[]> {
  const { blocks, sliceMs, warmSlices, steady = false, seed, fleets, onProgress, interrupted } = options;
  const dropsAt = servers.map(({ server }) => udpDrops(new Set([server.port])) ?? 0);
  const [report] = await fleets.run<BlocksReport>(
    {
      workload: "blocks",
      servers: servers.map(({ server, load }) => ({
        load,
        target: server.url,
        serverPids: server.pids(),
        ...(server.trust ? { trust: server.trust } : {}),
      })),
      seed,
      blocks,
      sliceMs,
      ...(warmSlices === undefined ? {} : { warmSlices }),
      steady,
    },
    {
      fleets: 1,
      onProgress,
      broken: Promise.race([interrupted, ...servers.map(({ server }) => server.broken)]),
      timeoutSeconds: TIMEOUT_SECONDS + (blocks * servers.length * sliceMs * 4) / 1000,
    },
  );
  return report.servers.map((one, i) => {
    const { server, load } = servers[i];
    const unit: WorkUnit = load.kind === "room" ? "Delivery" : "Request";
    const parts = {
      ...partsOf(one, unit, load, protocolOf(load.protocol)),
      meters: metersOf(report.servers, i),
    };
    if (server.transport === "udp")
      parts.counts.droppedAtServer = (udpDrops(new Set([server.port])) ?? 0) - dropsAt[i];
    const achieved = achievedShare(one.slices);
    if (load.load.loop === "open" && achieved !== undefined) {
      parts.metrics.achievedRate = achieved * load.load.rate;
      if (unit === "Request") parts.metrics.requestRate = parts.metrics.achievedRate;
    }
    if (steady) Object.assign(parts.metrics, tailsOf(one));
    const resident = server.pids().flatMap((pid) => memory(pid)?.peak ?? []);
    if (resident.length > 0) parts.metrics.serverMemoryLoaded = total(resident);
    return parts;
  });
}

/**
 * Where rounds stand for themselves, and are not compared slice by slice: percentiles beyond the median are of all that the
 * calm blocks of the round have seen, as far as that supports them.
 */
function tailsOf({ calmest }: BlockServer): Record<string, number> {
  const found = Object.entries(calmest).flatMap(([name, text]) =>
    Object.entries(percentiles(name, decodeHistogram(text))),
  );
  return Object.fromEntries(found.filter(([key]) => !key.endsWith(".p50")));
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

function partsOf(
  server: BlockServer,
  unit: WorkUnit,
  load: BlockLoad,
  { promises }: Protocol,
): Omit<RoundParts, "meters"> {
  const slices = sliceFigures(server.slices, unit);
  const kinds = faultKinds(unit, promises, load.kind === "room" ? underWay(load.load) : 0);
  const { counts } = server;
  return {
    counts: {
      ...counts,
      measured: total(server.slices.map(({ done }) => done)),
      disturbed: server.disturbed,
      slicesDriven: server.driven.all,
      slicesCalm: server.driven.calm,
    },
    metrics: {
      ...middleFigures(slices),
      ...tailFigures(server),
      ...(!kinds.includes("lost") && counts.expected > 0 ? { lossShare: counts.lost / counts.expected } : {}),
    },
    histograms: server.histograms,
    witnesses:
      unit === "Request"
        ? (server.witnesses as SumWitness[]).map(requestWitness)
        : (server.witnesses as Sample["witnesses"]),
    wrong: [...faultsOf(counts, kinds), ...lostConnections([server])],
    slices,
    retaken: server.retaken,
  };
}

/** Sources whose servers can stand beside each other: of one at a fixed address there is but one. */
export const canStandTogether = (sources: readonly ServerSource[]): boolean =>
  new Set(sources.map(({ endpoint, name }) => endpoint?.url ?? name)).size === sources.length;
