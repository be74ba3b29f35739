/**
 * Idle: what an idle connection costs in resident memory of the server and of the fleet. Where
 * the limit of a process or of the machine ends it early, the table says which one.
 */
import type { IdlePlan, IdleReport, Readings } from "../../clients/workloads/idle.ts";
import type { Sample } from "../record/record.ts";
import { lostConnections, total } from "../record/samples.ts";
import { whole } from "../record/units.ts";
import type { Computed, RowSamples } from "./columns.ts";
import {
  type BenchOptions,
  type Cell,
  isStream,
  protocolsFor,
  type SampleContext,
  type SampleParts,
  type Scenario,
} from "./scenario.ts";

const CONNECTIONS = 1000;
/** Measured too when the scenario is asked for by its name: it takes its time, and file tables. */
const MANY_CONNECTIONS = 9000;
/** Opened before the first reading, at most a tenth. */
const WARM = 100;
const SETTLE_SECONDS = 0.25;
const TIMEOUT_SECONDS = 60;

/** Of one sample: the one that opened least says what there is to be had. */
const least = (name: "asked" | "open"): Computed => ({
  heading: name,
  unit: "count",
  value: ({ samples }: RowSamples) => Math.min(...samples.map(({ counts }) => counts[name])),
});

/** The server's resident memory of the first sample: without connections, and with all of them. */
const memory = (when: keyof Readings): Computed => ({
  heading: `server ${when}`,
  unit: "bytes",
  value: ({ samples: [{ detail }] }: RowSamples) =>
    detail?.scenario === "idle" ? detail.server?.[when] : undefined,
});

export const idle: Scenario = {
  name: "idle",
  summary: "memory of an idle connection, of the server and of the fleet",
  fits: (protocol) => isStream(protocol) && !protocol.files,
  cells: (options) =>
    protocolsFor(idle, options)
      .filter(({ primary, room }) => options.protocol || (primary && room))
      .flatMap(({ name }) => counts(options).map((count) => cellOf(name, count))),
  tables: [
    {
      title: "idle",
      columns: [
        least("asked"),
        least("open"),
        memory("before"),
        memory("after"),
        "serverMemoryPerConnection",
        "fleetMemoryPerConnection",
      ],
      notes: limitsOf,
    },
  ],
};

function counts({ connections, named, quick }: BenchOptions): number[] {
  if (connections) return [connections];
  return named && !quick ? [CONNECTIONS, MANY_CONNECTIONS] : [CONNECTIONS];
}

function cellOf(protocol: string, connections: number): Cell {
  const warm = Math.min(WARM, Math.ceil(connections / 10));
  return {
    scenario: "idle",
    variant: `${protocol} ${connections}`,
    protocol,
    parameters: { protocol, connections, warm, settleSeconds: SETTLE_SECONDS },
    repeats: true,
    secondary: true,
    run: (context) => runCell({ protocol, connections, warm, settleSeconds: SETTLE_SECONDS }, context),
  };
}

async function runCell(
  shape: Pick<IdlePlan, "protocol" | "connections" | "warm" | "settleSeconds">,
  context: SampleContext,
): Promise<SampleParts> {
  const plan: IdlePlan = {
    ...shape,
    workload: "idle",
    target: context.target,
    serverPids: context.serverPids,
  };
  const reports = await context.fleets.run<IdleReport>(plan, {
    onProgress: context.onProgress,
    broken: context.broken,
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const counted = total(reports, ({ counted }) => counted);
  const fleets = reports.flatMap(({ fleet }) => fleet ?? []);
  const { server } = reports[0];
  const limit = reports.find(({ limit }) => limit !== undefined)?.limit;
  return {
    counts: {
      asked: shape.connections,
      open: total(reports, ({ open }) => open),
      counted,
    },
    metrics: {
      ...perConnection("server", server ? [server] : [], counted),
      ...perConnection("fleet", fleets, counted),
    },
    histograms: {},
    witnesses: [],
    // A server that cannot take more for want of descriptors may end those it had to turn away.
    wrong: limit === undefined ? lostConnections(reports) : [],
    detail: { scenario: "idle", server: server ?? null, fleets, limit: limit ?? null },
  };
}

/** A process that had the memory already does not grow: that is no measurement of a connection. */
function perConnection(whose: "server" | "fleet", readings: readonly Readings[], counted: number) {
  const grown = readings.reduce((sum, { before, after }) => sum + Math.max(0, after - before), 0);
  return grown > 0 && counted > 0 ? { [`${whose}MemoryPerConnection`]: grown / counted } : {};
}

/** What kept it from opening all the connections that were asked for. */
function limitsOf(samples: readonly Sample[]): string[] {
  const limits = samples.flatMap(({ detail, variant, server, counts }) =>
    detail?.scenario === "idle" && detail.limit !== null
      ? [`${variant} ${server} stopped at ${whole(counts.open)} connections: ${detail.limit}`]
      : [],
  );
  return [...new Set(limits)];
}
