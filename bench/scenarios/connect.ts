/**
 * Connect: how fast connections are opened and closed, and what a thousand of them a second, coming and
 * going, do to the members of a room who stay.
 */
import { encodeHistogram, mergeHistograms } from "../../clients/histogram.ts";
import type { ConnectPlan, ConnectReport } from "../../clients/workloads/connect.ts";
import type { Protocol } from "../../protocols/index.ts";
import type { Sample } from "../record/record.ts";
import { addCounts, cpuMetrics, joinMeters, percentiles, perSecond, total } from "../record/samples.ts";
import { amount, duration, median, table } from "../terminal/format.ts";
import { type RoomShape, runRoomCell } from "./fanout.ts";
import { groups, validOf } from "./rows.ts";
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
/** Long enough for the 10,000 connections that a p99.9 needs, at 20,000 a second. */
const SECONDS = 0.55;
const QUICK_SECONDS = 0.3;
const ROOM = 50;
const RATE = 2000;
const CHURN = 1000;
const MESSAGE_BYTES = 64;
const TIMEOUT_SECONDS = 45;

export const connect: Scenario = {
  name: "connect",
  summary: "connections opened and closed: rate and time; what a thousand a second do to a room",
  fits: (protocol) => isStream(protocol) && !protocol.files,
  cells(options) {
    // Those that are first of their transport, unless the command line names another one.
    const chosen = protocolsFor(connect, options).filter(({ primary }) => primary || options.protocol);
    return [
      ...chosen.map((protocol) => sessionCell(protocol, options)),
      ...chosen
        .filter(({ room }) => room)
        .flatMap(({ name }) => [0, CHURN].map((perSecond) => stayCell(name, perSecond, options))),
    ];
  },
  table: (samples) =>
    [["closed", sessionTable] as const, ["open", stayTable] as const]
      .map(([loop, tableOf]) => ({ tableOf, list: samples.filter((one) => one.parameters.loop === loop) }))
      .filter(({ list }) => list.length > 0)
      .map(({ tableOf, list }) => tableOf(list))
      .join("\n\n"),
};

function sessionCell({ name: protocol, transport }: Protocol, options: BenchOptions): Cell {
  const { warmup: warmupSeconds = WARMUP_SECONDS, quick } = options;
  const seconds = options.duration ?? (quick ? QUICK_SECONDS : SECONDS);
  const atOnce = options.connections ?? AT_ONCE;
  const leaving = transport === "ws" ? "close frame" : "FIN";
  return {
    scenario: "connect",
    variant: `${protocol} ${atOnce} at once`,
    protocol,
    parameters: { protocol, atOnce, leaving, warmupSeconds, seconds, most: MAX_CONNECTIONS, loop: "closed" },
    repeats: true,
    secondary: true,
    run: (context) =>
      runSessions({ protocol, atOnce, most: MAX_CONNECTIONS, warmupSeconds, seconds }, context),
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
    timeoutSeconds: TIMEOUT_SECONDS + shape.warmupSeconds + shape.seconds,
  });
  const meters = joinMeters(reports.map(({ measured }) => measured.used));
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
        ? [{ kind: "failed", count: counts.failed, words: `connections did not come and go: ${reason}` }]
        : [],
  };
}

/** A room in an open loop, whose members stay; in the second of the two cells others come and go beside them. */
function stayCell(protocol: string, perSecond: number, options: BenchOptions): Cell {
  const { warmupSeconds, seconds } = times(options);
  const rate = options.rate ?? RATE;
  const shape: RoomShape = {
    protocol,
    connections: ROOM,
    messageBytes: options.size ?? MESSAGE_BYTES,
    warmupSeconds,
    seconds,
    load: { loop: "open", rate, senders: ROOM },
    ...(perSecond > 0 ? { churn: { perSecond } } : {}),
  };
  const { load, churn: _, ...parameters } = shape;
  return {
    scenario: "connect",
    variant: `${protocol} ${ROOM} ${perSecond > 0 ? "stay with churn" : "stay quiet"}`,
    protocol,
    parameters: { ...parameters, ...load, churn: perSecond, leaving: "FIN or reset, in turn" },
    repeats: true,
    secondary: true,
    run: (context) => runRoomCell(shape, context),
  };
}

const middle = (samples: Sample[], name: string) =>
  median(validOf(samples).flatMap(({ metrics }) => metrics[name] ?? []));
const sumOf = (samples: Sample[], name: string) =>
  samples.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0);
const ways = (samples: Sample[], name: string) =>
  ["p50", "p99", "p999"].map((p) => duration(middle(samples, `${name}.${p}`))).join(" ");

function sessionTable(all: Sample[]): string {
  const rows = groups(all).map(({ key, samples }) => [
    key,
    `${validOf(samples).length}/${samples.length}`,
    amount(middle(samples, "sessionRate")),
    ways(samples, "opened"),
    ways(samples, "session"),
    duration(middle(samples, "serverCpuPerSession")),
    amount(sumOf(samples, "failed")),
  ]);
  const head = ["connect", "valid", "a second", "opened p50 p99 p99.9", "opened and closed", "server CPU"];
  return table([...head, "failed"], rows);
}

function stayTable(all: Sample[]): string {
  const rows = groups(all).map(({ key, samples }) => [
    key,
    `${validOf(samples).length}/${samples.length}`,
    amount(sumOf(samples, "churned")),
    ways(samples, "delivery"),
    ways(samples, "last"),
    amount(sumOf(samples, "lost")),
  ]);
  return table(
    ["those who stay", "valid", "came and went", "each p50 p99 p99.9", "last receiver", "lost"],
    rows,
  );
}
