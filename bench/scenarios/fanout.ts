/**
 * Fan-out: one message to many receivers. Open loop: when each, the first and the last receiver had it, and
 * the spread between them. Closed loop: verified deliveries per second, and what each costs in CPU time.
 */

import { parseEndpoint } from "../../clients/endpoint.ts";
import { createHistogram, encodeHistogram, mergeHistograms, recordLatency } from "../../clients/histogram.ts";
import { type Load, type RoomPlan, underWay } from "../../clients/room.ts";
import type { RoomReport } from "../../clients/workloads/room.ts";
import { now } from "../../platform/clock.ts";
import { udpDrops } from "../../platform/proc.ts";
import type { Promises } from "../../protocols/definition.ts";
import { capabilityOf, type Protocol, protocolOf } from "../../protocols/index.ts";
import { cellName, cellsOf, countOf } from "../record/cells.ts";
import type { Sample } from "../record/record.ts";
import {
  addCounts,
  cpuMetrics,
  faultKinds,
  faultsOf,
  halfMedians,
  joinMeters,
  lostConnections,
  parserMetric,
  percentiles,
  perSecond,
  total,
} from "../record/samples.ts";
import { isOpen } from "../record/saturation.ts";
import { whole } from "../record/units.ts";
import { besideTables, isBeside } from "./beside.ts";
import { betweenMachines } from "./between.ts";
import { fleetBusy, lost, parserLimits, serverBusy } from "./columns.ts";
import {
  type BenchOptions,
  type Cell,
  isLeftOut,
  isOverview,
  protocolsFor,
  type SampleContext,
  type SampleParts,
  type Scenario,
  times,
} from "./scenario.ts";

const ROOM_SIZES = [10, 100, 1000];
/**
 * In a run of everything: throughput is that of one size, and a relay of 1,000, which gets 40 messages a second, would
 * have a handful of them in a round.
 */
const OVERVIEW_SIZES = {
  open: { tcp: ROOM_SIZES, udp: [10, 100], ws: ROOM_SIZES },
  closed: { tcp: [100], udp: [100], ws: [100] },
};
/** A larger room takes as long as two others, and its few messages differ so much that three rounds decide nothing. */
const OVERVIEW_REPEATED = 100;
/** Deliveries per second that an open loop asks for by default: well below what a core can do, over each. */
const OPEN_DELIVERIES = { tcp: 100_000, udp: 40_000, ws: 100_000 };
const OPEN_RATE_MOST = 2000;
const MESSAGE_BYTES = 64;
/** A stream's batches make many outstanding messages cheap; a datagram has no flow control, so there are few. */
const CLOSED = {
  tcp: { senders: 16, window: 64 },
  udp: { senders: 4, window: 4 },
  ws: { senders: 16, window: 64 },
};
/**
 * Most bytes on their way to one receiver in a closed loop, a quarter of what rooms keep for a slow reader: the load
 * by itself must never be what makes a right server evict.
 */
const OUTSTANDING_BYTES = 262_144;
const OUTSTANDING_SHARE = 0.25;
/** What a protocol puts around a message when it is delivered: prefix, header, suffix; at most about so much. */
const AROUND_BYTES = 64;
/** Of a closed loop with so many members for each second of it, all windows come back a few times while it is measured. */
const LARGE_ROOM = 2000;
/** What may be lost is not waited for long. */
const quietSeconds = ({ mayLose }: Promises) => (mayLose ? 0.3 : 3);
/** The ledger holds a number for each pair of sender and receiver. */
const MAX_SENDERS = 1000;
const TIMEOUT_SECONDS = 60;

/** Protocols that are not the first of their transport get one look at one size, unless the command line names them. */
const SECONDARY_SIZE = 200;

const isSecondary = ({ primary }: Protocol, options: BenchOptions) =>
  !primary && options.protocol === undefined;

function sizesFor(
  { transport }: Protocol,
  secondary: boolean,
  loop: Load["loop"],
  options: BenchOptions,
): readonly number[] {
  if (options.connections) return [options.connections];
  if (secondary || options.mixed) return [SECONDARY_SIZE];
  return isOverview(options) ? OVERVIEW_SIZES[loop][transport] : ROOM_SIZES;
}

export const fanout: Scenario = {
  name: "fanout",
  summary: "one message to many: latency to the first and the last receiver, deliveries per second",
  fits: ({ room }) => room !== undefined,
  cells: (options) =>
    protocolsFor(fanout, options).flatMap((protocol) => {
      const secondary = isSecondary(protocol, options);
      if (isLeftOut(secondary, options)) return [];
      // A secondary cell measures throughput: latency takes a sample of its own.
      const loops = (["open", "closed"] as const)
        .filter((loop) => (options.loop ?? (options.rate ? "open" : loop)) === loop)
        .filter((loop) => loop === "closed" || options.loop || options.rate || !secondary);
      return loops.flatMap((loop) =>
        sizesFor(protocol, secondary, loop, options).map((connections) => ({
          ...roomCell(protocol.name, connections, loop, options),
          secondary: secondary || (isOverview(options) && connections > OVERVIEW_REPEATED),
        })),
      );
    }),
  tables: [
    {
      title: "open loop",
      of: (sample) => isOpen(sample) && !isBeside(sample),
      columns: ["achievedRate", "delivery.p50", "delivery.p99", "last.p50", "last.p99", lost],
      more: ["spread.p50", "spread.p99", "first.p50", "delivery.p999", "serverCpuPerDelivery"],
      notes: kernelDrops,
    },
    {
      title: "closed loop",
      of: (sample) => !isOpen(sample) && !isBeside(sample),
      columns: ["deliveryRate", "serverCpuPerDelivery", serverBusy, fleetBusy, lost],
      more: ["fleetCpuPerDelivery", "serverMemoryLoaded"],
      notes: (samples) => [...kernelDrops(samples), ...parserLimits(samples)],
    },
  ],
  details: besideTables,
};

/** One room of a size, under one kind of load. */
export function roomCell(
  protocol: string,
  connections: number,
  loop: Load["loop"],
  options: BenchOptions,
): Cell {
  const { transport, promises } = protocolOf(protocol);
  const messageBytes = options.size ?? MESSAGE_BYTES;
  const keeps = Math.min(
    promises.queueMessages ?? Number.POSITIVE_INFINITY,
    options.mixed?.queueMessages ?? Number.POSITIVE_INFINITY,
  );
  const closed = closedLoad(CLOSED[transport], messageBytes, connections, options, keeps);
  const load: Load =
    loop === "open"
      ? {
          loop,
          rate:
            options.rate ??
            Math.min(OPEN_RATE_MOST, Math.round(OPEN_DELIVERIES[transport] / Math.max(1, connections - 1))),
          senders: Math.min(options.senders ?? connections, connections, MAX_SENDERS),
        }
      : { loop, ...closed };
  const { warmup, duration } = loop === "closed" ? closedTimes(connections, options) : times(options);
  return {
    scenario: "fanout",
    variant: `${protocol} ${connections} ${loop}`,
    protocol,
    parameters: { protocol, connections, messageBytes, warmup, duration, ...load },
    repeats: true,
    run: (context) => runRoomCell({ protocol, connections, messageBytes, warmup, duration, load }, context),
    blocks: (tag) => ({
      kind: "room",
      protocol,
      connections,
      messageBytes,
      tag,
      epoch: now(),
      warmup: 0,
      duration: 0,
      load,
      quietSeconds: quietSeconds(promises),
    }),
  };
}

/** The windows of a large room take seconds to grow and to come back: each doubling is a message to everybody. */
function closedTimes(connections: number, options: BenchOptions): { warmup: number; duration: number } {
  const usual = times(options);
  return {
    warmup: options.warmup ?? Math.max(usual.warmup, connections / LARGE_ROOM),
    duration: options.duration ?? Math.max(usual.duration, (0.8 * connections) / LARGE_ROOM),
  };
}

/** Senders and windows: those asked for, or as many as have their messages under way within the bounds. */
function closedLoad(
  most: { senders: number; window: number },
  messageBytes: number,
  connections: number,
  options: BenchOptions,
  queueMessages: number,
): { senders: number; window: number } {
  const within = Math.min(
    OUTSTANDING_BYTES / (messageBytes + AROUND_BYTES),
    queueMessages * OUTSTANDING_SHARE,
  );
  const messages = Math.max(1, Math.floor(within));
  const senders = Math.min(options.senders ?? Math.min(most.senders, messages), connections);
  const fitting = Math.max(1, Math.floor(messages / senders));
  return { senders, window: options.window ?? Math.min(most.window, fitting) };
}

export type RoomShape = Pick<
  RoomPlan,
  "protocol" | "connections" | "messageBytes" | "warmup" | "duration" | "load" | "churn"
>;

/** One sample of a room, with everything that can be told of it. */
export async function runRoomCell(shape: RoomShape, context: SampleContext): Promise<SampleParts> {
  const { transport, promises } = protocolOf(shape.protocol);
  const serverPorts = new Set([parseEndpoint(context.target)?.port ?? 0]);
  const dropsBefore = udpDrops(serverPorts) ?? 0;
  const epoch = now();
  const plan: RoomPlan = {
    ...shape,
    workload: "room",
    target: context.target,
    serverPids: context.serverPids,
    tag: context.tag,
    epoch,
    quietSeconds: quietSeconds(promises),
  };
  const reports = await context.fleets.run<RoomReport>(plan, {
    onProgress: context.onProgress,
    broken: context.broken,
    timeoutSeconds: TIMEOUT_SECONDS + shape.warmup + shape.duration,
  });
  const meters = joinMeters(
    reports.map(({ measured }) => measured.used),
    shape.load.loop === "open" ? reports.map(({ open }) => open?.pace.idle ?? 0) : undefined,
    context.fleets,
  );
  const delivered = total(reports, ({ measured }) => measured.delivered);
  const firstHalf = total(reports, ({ measured }) => measured.firstHalf);
  const counts: Record<string, number> = {
    ...addCounts(reports.map(({ counts }) => counts)),
    sent: total(reports, ({ sent }) => sent),
    expected: total(reports, ({ expected }) => expected),
    withheld: total(reports, ({ withheld }) => withheld),
    windowsGivenUp: total(reports, ({ givenUp }) => givenUp),
    fellBehind: fellBehind(shape, reports),
    measured: delivered,
    firstHalf,
    secondHalf: delivered - firstHalf,
  };
  if (transport === "udp") {
    // Of a server elsewhere this machine's kernel knows nothing: only an agent beside it does.
    const drops = context.fleets.machines
      ? context.fleets.serverUse?.()?.drops
      : (udpDrops(serverPorts) ?? 0) - dropsBefore;
    if (drops !== undefined) counts.droppedAtServer = drops;
    counts.droppedAtClients = total(reports, ({ dropped }) => dropped ?? 0);
  }
  const churned = reports[0].churned;
  if (churned) Object.assign(counts, { churned: churned.came, churnFailed: churned.failed });
  const latency = shape.load.loop === "open" ? openLatency(shape, reports) : undefined;
  const between = betweenMachines(reports, context.fleets);
  const faults = faultKinds("Delivery", promises, underWay(shape.load));
  return {
    counts: { ...counts, ...latency?.counts, ...between?.counts },
    metrics: {
      ...(shape.load.loop === "closed"
        ? { deliveryRate: perSecond(delivered, meters.elapsed) }
        : { achievedRate: total(reports, ({ open }) => open?.pace.achieved ?? 0) }),
      ...cpuMetrics(meters, delivered, "Delivery"),
      ...parserMetric(protocolOf(shape.protocol)),
      ...(meters.serverMemory === null ? {} : { serverMemoryLoaded: meters.serverMemory }),
      longestSilence: Math.max(...reports.map(({ measured }) => measured.silence)),
      ...(!faults.includes("lost") && counts.expected > 0
        ? { lossShare: counts.lost / counts.expected }
        : {}),
      ...latency?.metrics,
      ...between?.metrics,
    },
    histograms: { ...latency?.histograms, ...between?.histograms },
    witnesses: reports.flatMap(({ witnesses }) => witnesses),
    meters,
    wrong: [
      ...faultsOf(counts, faults),
      ...lostConnections(reports, counts.fellBehind),
      ...turnedAway(churned),
    ],
  };
}

/**
 * Lost connections to which more was still to come than the protocol asks a server to keep for a slow reader: those it
 * was free to end. One that was reset has not got all that had been said by then; one that was closed in order has got
 * all, but late. What had been said at a time is taken from the fleets' notes, in favour of the server.
 */
function fellBehind({ protocol, messageBytes }: RoomShape, reports: RoomReport[]): number {
  const { promises, sendPrefix, sendSuffix } = capabilityOf(protocol, "room")(messageBytes);
  const { queueBytes } = promises;
  if (queueBytes === undefined) return 0;
  const unitBytes = sendPrefix.length + messageBytes + sendSuffix.length;
  const atMost = (at: number) =>
    total(reports, ({ offered }) => (offered.find((note) => note.at >= at) ?? offered.at(-1))?.messages ?? 0);
  const atLeast = (at: number) =>
    total(reports, ({ offered }) => offered.findLast((note) => note.at <= at)?.messages ?? 0);
  return reports
    .flatMap(({ connectionsLost }) => connectionsLost.each)
    .filter(({ at, received, said, read }) =>
      [atMost(at) * unitBytes - received, (atMost(read) - atLeast(said)) * unitBytes].some(
        (behind) => behind > queueBytes,
      ),
    ).length;
}

const turnedAway = (churned: RoomReport["churned"]): SampleParts["wrong"] =>
  churned && churned.failed > 0
    ? [{ kind: "turned away", count: churned.failed, words: `could not join: ${churned.reason}` }]
    : [];

/** The four latencies of an open loop. A message that did not reach everyone has no last receiver. */
function openLatency(
  shape: RoomShape,
  reports: RoomReport[],
): Pick<SampleParts, "counts" | "metrics" | "histograms"> {
  const { load } = shape;
  if (load.loop !== "open") throw new Error("not an open loop");
  const opens = reports.flatMap(({ open }) => (open ? [open] : []));
  const messages = opens[0].first.length;
  const wanted = shape.connections - (protocolOf(shape.protocol).promises.echoesToSender ? 0 : 1);
  const [first, last, spread] = [createHistogram(), createHistogram(), createHistogram()];
  const halves = [createHistogram(), createHistogram()];
  const warm = Math.round(load.rate * shape.warmup);
  // Fleet 0 sent the first message at its start; all count intended times from the same plan.
  let incomplete = 0;
  for (let k = 0; k < messages; k++) {
    let [earliest, latest, receivers] = [Number.POSITIVE_INFINITY, 0, 0];
    for (const open of opens)
      if (open.receivers[k] > 0) {
        earliest = Math.min(earliest, open.first[k]);
        latest = Math.max(latest, open.last[k]);
        receivers += open.receivers[k];
      }
    if (receivers < wanted) {
      incomplete++;
      continue;
    }
    const intended = opens[(k % load.senders) % opens.length].startOffset + ((k + warm) * 1e9) / load.rate;
    recordLatency(first, earliest - intended);
    recordLatency(last, latest - intended);
    recordLatency(halves[k * 2 < messages ? 0 : 1], latest - intended);
    recordLatency(spread, latest - earliest);
  }
  const delivery = mergeHistograms(opens.map((open) => open.delivery));
  const lag = mergeHistograms(opens.map((open) => open.lag));
  return {
    counts: { messages, incomplete },
    metrics: {
      ...percentiles("delivery", delivery),
      ...percentiles("first", first),
      ...percentiles("last", last),
      ...percentiles("spread", spread),
      ...percentiles("pacerLag", lag),
      ...halfMedians(halves[0], halves[1]),
    },
    histograms: {
      delivery: encodeHistogram(delivery),
      first: encodeHistogram(first),
      last: encodeHistogram(last),
      spread: encodeHistogram(spread),
      pacerLag: encodeHistogram(lag),
    },
  };
}

/** Where datagrams were lost, as far as the kernel says so. */
function kernelDrops(samples: readonly Sample[]): string[] {
  return cellsOf(samples).flatMap((cell) => {
    const [server, clients] = [
      countOf(cell.samples, "droppedAtServer"),
      countOf(cell.samples, "droppedAtClients"),
    ];
    return server + clients > 0
      ? [
          `${cellName(cell)}: the kernel dropped ${whole(server)} datagrams at the server's receive buffer, ${whole(clients)} at the load generator's`,
        ]
      : [];
  });
}
