/**
 * The blocks workload: one round of a comparison. All servers are alive at once, and each block drives every one of
 * them for one slice, in an order drawn anew: what the machine does in a tenth of a second falls on all of them alike.
 */

import { seededRandom, shuffled } from "../../platform/random.ts";
import { protocolOf } from "../../protocols/index.ts";
import { alone, type Drive, type DriveEnd, type Slice } from "../drives/drive.ts";
import { openRequestDrive } from "../drives/request-drive.ts";
import { openRoomDrive } from "../drives/room-drive.ts";
import type { TlsTrust } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import type { RequestPlan } from "../request-load.ts";
import type { RoomPlan } from "../room.ts";
import { createTails, type Tails, type TailsOf } from "../tails.ts";

/** How a server is loaded: as a room, or by requests. */
export type BlockLoad =
  | ({ kind: "room" } & Omit<RoomPlan, "workload" | "target" | "trust" | "serverPids" | "churn">)
  | ({ kind: "requests" } & Omit<RequestPlan, "target" | "trust">);

export type BlocksPlan = {
  workload: "blocks";
  /** Each with the load in its own protocol; else they are all loaded alike. */
  servers: { target: string; trust?: TlsTrust; serverPids: readonly number[]; load: BlockLoad }[];
  seed: number;
  blocks: number;
  sliceMs: number;
  /** Slices of each server before the first block; by default until its figures have settled, bounded. */
  warmSlices?: number;
  /** A closed loop has the same in flight in each round, unless a server is far too slow for it. */
  steady?: boolean;
};

export type BlockServer = DriveEnd &
  TailsOf & {
    /** One for each block, in their order. */
    slices: ToldSlice[];
    /** Slices of this server that broke a rule, so that their blocks were taken again, and the rules. */
    retaken: Record<string, number>;
    /** Slices that broke a rule and count all the same, since enough blocks had been taken again. */
    disturbed: number;
  };

/** A slice without what stays in the fleet; its latencies by metric, `delivery.p50`: for farther ones it has too few. */
export type ToldSlice = Omit<Slice, "latencies"> & { latency?: Record<string, number> };

export type BlocksReport = { workload: "blocks"; servers: BlockServer[] };

/** Warm-up: so many slices at least; then until the last three cost as the three before did, or the bound. */
const WARM_SLICES = { least: 6, most: 12 };
/** Of short slices as many as make up as much time. */
const WARM_SLICE_MS = 30;
const SETTLED = 0.1;
/** A slice does not count in which server or fleet could have run and waited for a CPU longer than this share. */
const MAX_WAIT = 0.1;
/** As many blocks may be taken again as there are blocks. */
const RETAKES = 1;
/** An open loop's slice is late that sent a message so much later than it was due. */
const MAX_LAG_NS = 1e6;

export async function runBlocks(plan: BlocksPlan, exchange: Exchange): Promise<BlocksReport> {
  const random = seededRandom(plan.seed);
  const drives: Drive[] = [];
  const servers: BlockServer[] = [];
  const tails = createTails(plan.servers.length);
  await exchange.ready({ prefixes: [] });
  for (const server of plan.servers) {
    drives.push(await openDrive(server, exchange));
    servers.push({ slices: [], retaken: {}, disturbed: 0, ...unfinished });
  }
  await warmUp(plan, drives, random);
  await takeBlocks(plan, drives, servers, tails, random, exchange);
  for (const [i, drive] of drives.entries()) {
    Object.assign(servers[i], await drive.finish(), tails.of(i));
  }
  return { workload: "blocks", servers };
}

const unfinished = {
  counts: {},
  witnesses: [],
  connectionsLost: { count: 0, reason: "" },
  histograms: {},
  calmest: {},
  driven: { all: 0, calm: 0 },
};

function told({ latencies, ...slice }: Slice): ToldSlice {
  if (!latencies) return slice;
  const medians = Object.entries(latencies).map(([name, of]) => [`${name}.p50`, of.getValueAtPercentile(50)]);
  return { ...slice, latency: Object.fromEntries(medians) };
}

/**
 * Takes the blocks of the round. One of which a slice breaks a rule is taken again, all of it, as often as there are
 * blocks; a machine that is never quiet gets wider intervals in the end, not an answer from one side's good luck.
 */
async function takeBlocks(
  plan: BlocksPlan,
  drives: readonly Drive[],
  servers: readonly BlockServer[],
  tails: Tails,
  random: () => number,
  exchange: Exchange,
): Promise<void> {
  let retakes = plan.blocks * RETAKES;
  const [{ slices: taken }] = servers;
  while (taken.length < plan.blocks && !drives.some((drive) => drive.broken())) {
    const block = await takeBlock(plan, drives, random);
    if (block.some(({ done }) => done === 0) && retakes === 0) return;
    const rules = block.map(ruleBrokenBy);
    const again = retakes > 0 && rules.some((rule) => rule !== undefined);
    tails.add(block);
    rules.forEach((rule, i) => {
      if (rule === undefined) return;
      if (again) servers[i].retaken[rule] = (servers[i].retaken[rule] ?? 0) + 1;
      else servers[i].disturbed++;
    });
    if (again) retakes--;
    else block.forEach((slice, i) => void servers[i].slices.push(told(slice)));
    exchange.progress({ sent: taken.length, delivered: total(servers) });
  }
}

const total = (servers: readonly BlockServer[]) =>
  servers.reduce((sum, { slices }) => sum + slices.reduce((all, { done }) => all + done, 0), 0);

function openDrive({ load, ...server }: BlocksPlan["servers"][number], exchange: Exchange): Promise<Drive> {
  const own = alone(exchange.progress);
  return load.kind === "room"
    ? openRoomDrive({ ...load, ...server, workload: "room" }, own)
    : openRequestDrive({ ...load, ...server }, own);
}

/** One slice of each server, in an order drawn anew; by server. */
async function takeBlock(
  { sliceMs }: BlocksPlan,
  drives: readonly Drive[],
  random: () => number,
): Promise<Slice[]> {
  const slices: Slice[] = [];
  for (const i of shuffled(drives.length, random)) slices[i] = await drives[i].slice(sliceMs);
  return slices;
}

async function warmUp(plan: BlocksPlan, drives: readonly Drive[], random: () => number): Promise<void> {
  const taken: Slice[][] = drives.map(() => []);
  const times = Math.max(1, Math.round(WARM_SLICE_MS / plan.sliceMs));
  const most = plan.warmSlices ?? WARM_SLICES.most * times;
  const closed = plan.servers[0].load.load.loop === "closed";
  if (closed && plan.steady) limitEach(plan, drives, taken);
  for (let i = 0; i < most && !drives.some((drive) => drive.broken()); i++) {
    const block = await takeBlock(plan, drives, random);
    block.forEach((slice, server) => void taken[server].push(slice));
    if (closed) (plan.steady ? limitEach : limitAll)(plan, drives, taken);
    if (plan.warmSlices === undefined && i + 1 >= WARM_SLICES.least * times && taken.every(hasSettled))
      return;
  }
}

/** What is in flight when a slice ends is waited for: it is to be done in this share of a slice. */
const IN_FLIGHT = 0.5;

/** Servers that are farther apart than this are not driven alike: the faster one would wait for its load. */
const ALIKE = 4;

/**
 * What is in flight is as much as a server has done in a part of a slice, by its second best: a machine that is busy makes
 * a slice poorer, and less in flight would make the next one poorer still. Servers of about the same speed get the same,
 * that of the slowest, since how much is in flight decides how large batches are; a much faster one gets its own.
 */
function limitAll({ sliceMs }: BlocksPlan, drives: readonly Drive[], taken: readonly Slice[][]): void {
  const depths = drives.map((drive, i) => {
    const depths = taken[i].map((slice) => drive.depthFor(slice, sliceMs * IN_FLIGHT));
    return Math.max(1, depths.sort((a, b) => b - a)[Math.min(1, depths.length - 1)]);
  });
  const least = Math.min(...depths);
  for (const [i, drive] of drives.entries()) drive.limit(depths[i] > least * ALIKE ? depths[i] : least);
}

/** Deliveries or requests that are in flight together: of streams some 15 ms for a room in batches, of datagrams too. */
const STEADY = { stream: 128_000, datagram: 4000 };
/** A server that would take longer for it than so many slices gets what fits. */
const STEADY_SLICES = 3;
/** Before the first slice nobody knows how fast a server is. */
const CAREFUL = 4;

/** What is in flight on each connection where it is the same in each round. */
function steadyDepth(sliceMs: number, { protocol, load }: BlockLoad, drive: Drive): number {
  const most = "depth" in load ? load.depth : "window" in load ? load.window : 1;
  const done = protocolOf(protocol).transport === "udp" ? STEADY.datagram : STEADY.stream;
  return Math.max(1, Math.min(most, drive.depthFor({ done, elapsed: sliceMs * 1e6 }, sliceMs)));
}

/**
 * Of runs apart, what is in flight must not depend on how busy the machine was in the warm-up: how large batches are would,
 * too, and with it the CPU for each delivery. Only a server that is far too slow for it, by its best slice, gets less.
 */
function limitEach(plan: BlocksPlan, drives: readonly Drive[], taken: readonly Slice[][]): void {
  for (const [i, drive] of drives.entries()) {
    const steady = steadyDepth(plan.sliceMs, plan.servers[i].load, drive);
    const best = (milliseconds: number) =>
      Math.max(1, ...taken[i].map((slice) => drive.depthFor(slice, milliseconds)));
    if (taken[i].length === 0) drive.limit(Math.max(1, Math.floor(steady / CAREFUL)));
    else drive.limit(Math.min(steady, best(plan.sliceMs * STEADY_SLICES)));
  }
}

const cost = ({ serverCpu, fleetCpu, done }: Slice) => (serverCpu ?? fleetCpu) / Math.max(1, done);

/** Whether the last three slices cost what the three before did. */
function hasSettled(slices: readonly Slice[]): boolean {
  const middle = (list: readonly Slice[]) => list.map(cost).sort((a, b) => a - b)[1];
  const [before, now] = [middle(slices.slice(-6, -3)), middle(slices.slice(-3))];
  return Math.abs(now / before - 1) <= SETTLED;
}

/** The rule by which a slice does not count, if any. */
function ruleBrokenBy({ elapsed, done, fleetWait = 0, serverWait = 0, paced }: Slice): string | undefined {
  if (done === 0) return "nothing came";
  if (fleetWait > elapsed * MAX_WAIT) return "load generator waited for a CPU";
  if (serverWait > elapsed * MAX_WAIT) return "server waited for a CPU";
  if (paced && paced.lag > MAX_LAG_NS) return "pacer late";
  return undefined;
}
