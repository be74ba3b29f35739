/** Sums: requests per second and round trips, every reply compared with the right one. */
import { encodeHistogram, mergeHistograms } from "../../clients/histogram.ts";
import type { SumPlan, SumReport } from "../../clients/workloads/sum.ts";
import { type Protocol, protocolOf } from "../../protocols/index.ts";
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
  requestWitness,
  total,
} from "../record/samples.ts";
import { count, fleetBusy, lost, parserLimits, serverBusy } from "./columns.ts";
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

const CONNECTIONS = 50;
const DEPTHS = [1, 16];
/** In a run of everything: one at a time says little more than the open loop does. */
const OVERVIEW_DEPTHS = [16];
const OPEN_RATE = 10_000;
const TIMEOUT_SECONDS = 60;

type Load = SumPlan["load"];

export const sum: Scenario = {
  name: "sum",
  summary: "request and reply: rate and round trips, every sum checked",
  fits: ({ requests }) => requests !== undefined,
  cells: (options) => protocolsFor(sum, options).flatMap((protocol) => cellsOf(protocol, options)),
  tables: [
    {
      title: "requests",
      columns: ["requestRate", "roundTrip.p50", "roundTrip.p99", "serverCpuPerRequest", serverBusy, lost],
      more: [fleetBusy, "fleetCpuPerRequest", "roundTrip.p999", count("wrong"), count("missing")],
      notes: parserLimits,
    },
  ],
};

function cellsOf({ name, primary, requests }: Protocol, options: BenchOptions): Cell[] {
  const alone = requests?.oneAtATime ?? false;
  const usual = isOverview(options) ? OVERVIEW_DEPTHS : DEPTHS;
  const depths = options.window ? [options.window] : alone ? [1] : usual;
  const closed =
    options.rate || options.loop === "open" ? [] : depths.map((depth): Load => ({ loop: "closed", depth }));
  // The other transports get one look, and no open loop, unless the command line names them.
  const secondary = !primary && options.protocol === undefined && options.transport === undefined;
  if (isLeftOut(secondary, options)) return [];
  const open: Load[] =
    options.loop === "closed" || ((secondary || alone) && !options.rate && !options.loop)
      ? []
      : [{ loop: "open", rate: options.rate ?? OPEN_RATE }];
  return [...closed, ...open].map((load) => ({ ...sumCell(name, load, options), secondary }));
}

const quietSeconds = (protocol: string) => (protocolOf(protocol).promises.mayLose ? 0.3 : 3);

export function sumCell(protocol: string, load: Load, options: BenchOptions): Cell {
  const { warmup, duration } = times(options);
  const connections = options.connections ?? CONNECTIONS;
  const what = load.loop === "open" ? "open" : `depth ${load.depth}`;
  const shape = { protocol, connections, seed: options.seed, warmup, duration, load };
  return {
    scenario: "sum",
    variant: `${protocol} ${connections} ${what}`,
    protocol,
    parameters: { protocol, connections, seed: options.seed, warmup, duration, ...load },
    repeats: true,
    run: (context) => runSumCell(shape, context),
    blocks: () => ({
      kind: "requests",
      protocol,
      connections,
      seed: options.seed,
      load,
      quietSeconds: quietSeconds(protocol),
    }),
  };
}

async function runSumCell(
  shape: Pick<SumPlan, "protocol" | "connections" | "seed" | "warmup" | "duration" | "load">,
  context: SampleContext,
): Promise<SampleParts> {
  const plan: SumPlan = {
    ...shape,
    workload: "sum",
    target: context.target,
    serverPids: context.serverPids,
    quietSeconds: quietSeconds(shape.protocol),
  };
  const reports = await context.fleets.run<SumReport>(plan, {
    onProgress: context.onProgress,
    broken: context.broken,
    timeoutSeconds: TIMEOUT_SECONDS + shape.warmup + shape.duration,
  });
  const opens = reports.flatMap(({ open }) => (open ? [open] : []));
  const meters = joinMeters(
    reports.map(({ measured }) => measured.used),
    opens.length > 0 ? opens.map(({ pace }) => pace.idle) : undefined,
    context.fleets,
  );
  const replies = total(reports, ({ measured }) => measured.replies);
  const firstHalf = total(reports, ({ measured }) => measured.firstHalf);
  const counts = {
    ...addCounts(reports.map(({ counts }) => counts)),
    measured: replies,
    firstHalf,
    secondHalf: replies - firstHalf,
  };
  const halves = [0, 1].map((half) => mergeHistograms(reports.map(({ latency }) => latency[half])));
  const latency = mergeHistograms(reports.flatMap(({ latency }) => latency));
  const lag = opens.length > 0 ? mergeHistograms(opens.map(({ lag }) => lag)) : undefined;
  return {
    counts,
    metrics: {
      requestRate: perSecond(replies, meters.elapsed),
      ...cpuMetrics(meters, replies, "Request"),
      ...parserMetric(protocolOf(shape.protocol)),
      longestSilence: Math.max(...reports.map(({ measured }) => measured.silence)),
      ...percentiles("roundTrip", latency),
      ...(lag
        ? {
            ...percentiles("pacerLag", lag),
            achievedRate: total(opens, ({ pace }) => pace.achieved),
            ...halfMedians(halves[0], halves[1]),
          }
        : {}),
    },
    histograms: { roundTrip: encodeHistogram(latency), ...(lag ? { pacerLag: encodeHistogram(lag) } : {}) },
    witnesses: reports.flatMap(({ witnesses }) => witnesses.map(requestWitness)),
    meters,
    wrong: [
      ...faultsOf(counts, faultKinds("Request", protocolOf(shape.protocol).promises)),
      ...lostConnections(reports),
    ],
  };
}
