/**
 * Connect: how fast connections are opened and closed, and what a churn of a thousand per second costs the resident
 * connections of a room.
 */
import { encodeHistogram, mergeHistograms } from "../../clients/histogram.ts";
import type { ConnectPlan, ConnectReport } from "../../clients/workloads/connect.ts";
import type { Protocol } from "../../protocols/index.ts";
import { addCounts, cpuMetrics, joinMeters, percentiles, perSecond, total } from "../record/samples.ts";
import { isOpen } from "../record/saturation.ts";
import { count, lost } from "./columns.ts";
import { type RoomShape, runRoomCell } from "./fanout.ts";
import {
  type BenchOptions,
  type Cell,
  isStream,
  protocolsFor,
  type SampleContext,
  type SampleParts,
  type Scenario,
  times,
} from "./scenario.ts";

const AT_ONCE = 32;
/**
 * Each connection that leaves first keeps its local port for a minute (TIME_WAIT). Linux gives out every second
 * port of net.ipv4.ip_local_port_range first, 14,116 by default; past them each connect(2) searches for long.
 */
const MAX_CONNECTIONS = 14_000;
const WARMUP_SECONDS = 0.1;
/** Long enough for the 10,000 connections that a p99.9 needs, at 20,000 per second. */
const SECONDS = 0.55;
const QUICK_SECONDS = 0.3;
const ROOM = 50;
const RATE = 2000;
const CHURN = 1000;
const MESSAGE_BYTES = 64;
const TIMEOUT_SECONDS = 45;

export const connect: Scenario = {
  name: "connect",
  summary: "connections opened and closed: rate and time; what churn costs resident connections",
  fits: (protocol) => isStream(protocol) && !protocol.files,
  cells(options) {
    // Those that are first of their transport, unless the command line names another one.
    const chosen = protocolsFor(connect, options).filter(({ primary }) => primary || options.protocol);
    return [
      ...chosen.map((protocol) => sessionCell(protocol, options)),
      ...chosen
        .filter(({ room }) => room)
        .flatMap(({ name }) => [0, CHURN].map((perSecond) => residentCell(name, perSecond, options))),
    ];
  },
  tables: [
    {
      title: "connect",
      of: (sample) => !isOpen(sample),
      columns: ["sessionRate", "session.p50", "session.p99", "serverCpuPerSession", count("failed")],
      more: ["opened.p50", "opened.p99", "session.p999", "fleetCpuPerSession"],
    },
    {
      title: "resident connections",
      of: isOpen,
      columns: [count("churned"), "delivery.p50", "delivery.p99", "last.p99", lost],
      more: ["last.p50", "delivery.p999"],
    },
  ],
};

function sessionCell({ name: protocol, transport }: Protocol, options: BenchOptions): Cell {
  const { warmup = WARMUP_SECONDS, quick } = options;
  const duration = options.duration ?? (quick ? QUICK_SECONDS : SECONDS);
  const atOnce = options.connections ?? AT_ONCE;
  const leaving = transport === "ws" ? "close frame" : "FIN";
  return {
    scenario: "connect",
    variant: `${protocol} ${atOnce} at once`,
    protocol,
    parameters: { protocol, atOnce, leaving, warmup, duration, most: MAX_CONNECTIONS, loop: "closed" },
    repeats: true,
    secondary: true,
    run: (context) => runSessions({ protocol, atOnce, most: MAX_CONNECTIONS, warmup, duration }, context),
  };
}

async function runSessions(
  shape: Omit<ConnectPlan, "workload" | "target" | "serverPids">,
  context: SampleContext,
): Promise<SampleParts> {
  const plan: ConnectPlan = {
    ...shape,
    workload: "connect",
    target: context.target,
    serverPids: context.serverPids,
  };
  const reports = await context.fleets.run<ConnectReport>(plan, {
    onProgress: context.onProgress,
    broken: context.broken,
    timeoutSeconds: TIMEOUT_SECONDS + shape.warmup + shape.duration,
  });
  const meters = joinMeters(
    reports.map(({ measured }) => measured.used),
    undefined,
    context.fleets,
  );
  const sessions = total(reports, ({ measured }) => measured.sessions);
  const firstHalf = total(reports, ({ measured }) => measured.firstHalf);
  const counts = addCounts(reports.map(({ counts }) => counts));
  const opened = mergeHistograms(reports.map(({ opened }) => opened));
  const session = mergeHistograms(reports.map(({ session }) => session));
  const reason = reports.find(({ reason }) => reason !== "")?.reason ?? "";
  return {
    counts: {
      ...counts,
      measured: sessions,
      // Whether the speed was settled cannot be told of a sample that ended at the bound.
      ...(counts.sessions < shape.most ? { firstHalf, secondHalf: sessions - firstHalf } : {}),
    },
    metrics: {
      sessionRate: perSecond(sessions, meters.elapsed),
      ...cpuMetrics(meters, sessions, "Session"),
      ...percentiles("opened", opened),
      ...percentiles("session", session),
    },
    histograms: { opened: encodeHistogram(opened), session: encodeHistogram(session) },
    witnesses: reason === "" ? [] : [{ kind: "failed", text: reason }],
    meters,
    wrong:
      counts.failed > 0
        ? [
            {
              kind: "failed",
              count: counts.failed,
              words: `connections were not opened and closed in order: ${reason}`,
            },
          ]
        : [],
  };
}

/** A room in an open loop, whose members are resident; in the second of the two cells others churn beside them. */
function residentCell(protocol: string, perSecond: number, options: BenchOptions): Cell {
  const { warmup, duration } = times(options);
  const rate = options.rate ?? RATE;
  const shape: RoomShape = {
    protocol,
    connections: ROOM,
    messageBytes: options.size ?? MESSAGE_BYTES,
    warmup,
    duration,
    load: { loop: "open", rate, senders: ROOM },
    ...(perSecond > 0 ? { churn: { perSecond } } : {}),
  };
  const { load, churn: _, ...parameters } = shape;
  return {
    scenario: "connect",
    variant: `${protocol} ${ROOM} resident ${perSecond > 0 ? "with churn" : "quiet"}`,
    protocol,
    parameters: { ...parameters, ...load, churn: perSecond, leaving: "FIN or reset, in turn" },
    repeats: true,
    secondary: true,
    run: (context) => runRoomCell(shape, context),
  };
}
