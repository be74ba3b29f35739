/** A made-up record with every scenario in it, for the tests of the report. Its figures mean nothing. */
import { createHistogram, encodeHistogram, percentile, recordLatency } from "../../clients/histogram.ts";
import { seededRandom } from "../../platform/random.ts";
import { percentileKey } from "../record/metrics.ts";
import { type Outcome, type RunRecord, recordSchema, type Sample } from "../record/record.ts";

/** Witness text as a hostile server could send it: markup, a closing tag, controls, and text that turns round. */
export const hostile = `<img src=x onerror="alert(1)"></code><script>document.title='owned'</script>&\u0000\u001b[31m\u202e`;

type Made = Pick<Sample, "scenario" | "variant" | "server" | "protocol"> & Partial<Sample>;

const sampleOf = (made: Made): Sample => ({
  target: made.protocol === "relay" ? "udp://127.0.0.1:9000" : "tcp://127.0.0.1:9000",
  order: 0,
  startedAt: "2026-01-02T03:04:05.000Z",
  parameters: {},
  counts: {},
  metrics: {},
  histograms: {},
  witnesses: [],
  wrong: [],
  invalid: [],
  ...made,
});

/** Latencies around a middle, with a long tail. */
function latencies(next: () => number, middle: number, names: Record<string, number>) {
  const histograms: Record<string, string> = {};
  const metrics: Record<string, number> = {};
  for (const [name, factor] of Object.entries(names)) {
    const histogram = createHistogram();
    for (let i = 0; i < 20_000; i++)
      recordLatency(histogram, middle * factor * (0.6 + 0.3 * next() + 0.4 / (1e-3 + next())));
    histograms[name] = encodeHistogram(histogram);
    for (const p of [50, 90, 99, 99.9]) {
      const value = percentile(histogram, p);
      if (value !== undefined) metrics[`${name}.${percentileKey(p)}`] = value;
    }
  }
  return { histograms, metrics };
}

const tooSlow = {
  rule: "stolen CPU",
  value: 0.23,
  limit: 0.1,
  unit: "share",
  words: "the hypervisor gave CPU time to others; run again, see --duration",
};

function fanout(server: string, connections: number, next: () => number, slow: number): Sample[] {
  const base = { scenario: "fanout", server };
  const made = latencies(next, 2e4 * connections ** 0.7 * slow, {
    delivery: 1,
    first: 0.3,
    last: 1.6,
    spread: 1.2,
  });
  const invalid = next() > 0.85 ? [tooSlow] : [];
  return [
    sampleOf({
      ...base,
      variant: `chat/bracket ${connections} open`,
      protocol: "chat/bracket",
      parameters: { loop: "open", connections, rate: 2000 },
      ...made,
      metrics: { ...made.metrics, achievedRate: 2000 },
      invalid,
    }),
    sampleOf({
      ...base,
      variant: `chat/bracket ${connections} closed`,
      protocol: "chat/bracket",
      parameters: { loop: "closed", connections, window: 64 },
      metrics: { deliveryRate: (5e6 * (0.9 + 0.2 * next())) / slow, serverCpuPerDelivery: 40 * slow },
    }),
  ];
}

const relay = (server: string, rate: number, next: () => number): Sample =>
  sampleOf({
    scenario: "fanout",
    variant: `relay 100 open ${rate}/s`,
    server,
    protocol: "relay",
    parameters: { loop: "open", connections: 100, rate },
    metrics: { achievedRate: rate, lossShare: rate > 4000 ? (rate / 1e5) * next() : 0 },
  });

/** Latency that grows without bound towards 33,000 per second; the objective holds up to 20,000. */
function capacity(server: string): NonNullable<RunRecord["capacity"]> {
  const steps = [1000, 4000, 16_000, 24_000, 32_000, 16_000, 16_000].map((value, i) => ({
    value,
    purpose: i > 4 ? ("confirm" as const) : ("search" as const),
    met: value < 20_000,
    unmet: value < 20_000 ? [] : [`p99<5ms: too long ${hostile}`],
    achieved: value,
    p50: 2e5 / (1 - value / 33_000),
    p99: value > 30_000 ? null : 1e6 / (1 - value / 33_000),
    p999: null,
    loss: 0,
    serverBusy: value / 33_000,
    clientLimited: value > 30_000,
    evidence: value < 20_000 ? [] : [{ kind: "queue", words: `the queue grew ${hostile}` }],
    hidden: value === 24_000,
  }));
  return {
    protocol: "chat/bracket",
    server,
    objective: "p99<5ms",
    grow: "rate",
    steps,
    answer: { value: 16_000, held: 2, of: 2 },
    knee: 16_000,
    limit: "server",
    evidence: [`the queue grew ${hostile}`],
  };
}

function coalesce(server: string, next: () => number): Sample {
  const rows = [16, 1000].flatMap((payload) =>
    [1, 10].flatMap((burst) =>
      [0, 2].flatMap((gapMilliseconds) =>
        [true, false].flatMap((noDelay) =>
          (["direct", "through chat"] as const).map((path) => ({
            path,
            payload,
            burst,
            gapMilliseconds,
            noDelay,
            mss: 32_768,
            ethernetMss: false,
            messages: 200,
            arrived: 200,
            writes: 200,
            segmentsOut: noDelay ? 200 : Math.ceil(200 / burst),
            segmentsIn: null,
            reads: 40,
            perRead: { p50: burst, p99: burst * 2, most: burst * 3 },
            histogram: Array.from({ length: burst + 1 }, () => Math.round(20 * next())),
            cut: 1,
          })),
        ),
      ),
    ),
  );
  return sampleOf({
    scenario: "coalesce",
    variant: "chat/bracket",
    server,
    protocol: "chat/bracket",
    detail: { scenario: "coalesce", rows },
  });
}

function truncate(server: string): Sample {
  const fates = [0, 1, 256, 1024, 1025, 4096, 65_507, 65_508].map((bytes) => {
    const outcome: Outcome =
      bytes > 65_507 ? "refused by the system" : bytes > 1024 ? "truncated silently" : "whole";
    return { bytes, outcome, arrived: bytes > 65_507 ? 0 : Math.min(bytes, 1024) };
  });
  return sampleOf({
    scenario: "truncate",
    variant: "relay",
    server,
    protocol: "relay",
    detail: {
      scenario: "truncate",
      smallBufferBytes: 1024,
      paths: (["relay", "small buffer"] as const).map((path) => ({
        path,
        fates,
        boundary: 1024,
        beyond: "truncated silently" as const,
      })),
    },
  });
}

function framing(server: string): Sample {
  const counts = { lost: 1, duplicated: 0, reordered: 0, corrupt: 1, unexpected: 0 };
  return sampleOf({
    scenario: "framing",
    variant: "chat/bracket",
    server,
    protocol: "chat/bracket",
    wrong: [{ kind: "corrupt", count: 1, words: `arrived changed ${hostile}` }],
    witnesses: [{ kind: "corrupt", receiver: 3, sender: 1, sequence: 17, text: hostile }],
    detail: { scenario: "framing", stages: [{ name: "split in two", tried: 500, possible: 9000, counts }] },
  });
}

const environment: RunRecord["environment"] = {
  sockbench: "0.0.0",
  bun: "1.0.0",
  bunRevision: "0123456789abcdef",
  platform: "linux x64",
  kernel: "6.0.0",
  cpu: "A processor",
  cores: 2,
  memory: 8 * 2 ** 30,
  openFiles: { soft: 1024, hard: null },
  sysctl: { "net.core.rmem_max": "212992" },
  socketOptions: { SO_RCVBUF: 131_072 },
  git: { commit: "0123456789abcdef", clean: true },
  fleets: 1,
  pinned: null,
  clockUncertainty: 100,
};

export type FixtureOptions = { servers?: string[]; samples?: number; slow?: number; hour?: number };

export function fixture({
  servers = ["bun"],
  samples = 3,
  slow = 1,
  hour = 3,
}: FixtureOptions = {}): RunRecord {
  const next = seededRandom(hour);
  const startedAt = `2026-01-02T${String(hour).padStart(2, "0")}:04:05.000Z`;
  const rounds = Array.from({ length: samples }, () =>
    servers.flatMap((server) => [
      ...[10, 100, 1000].flatMap((connections) => fanout(server, connections, next, slow)),
      ...[1000, 3000, 10_000].map((rate) => relay(server, rate, next)),
    ]),
  ).flat();
  const once = servers.flatMap((server) => [framing(server), coalesce(server, next), truncate(server)]);
  return recordSchema.parse({
    schema: "sockbench/1",
    id: `${startedAt.slice(0, 19).replace(/:/g, "-")}Z-fixture`,
    startedAt,
    finishedAt: startedAt,
    partial: null,
    command: ["bench", hostile],
    environment,
    calibration: {
      timestamp: 40,
      pacerLag: { p50: 400, p99: 9000 },
      roundTrip: { fleet: 22_000, plain: 17_000 },
      verifyRate: 9e6,
      stampRate: 12e6,
    },
    capacity: capacity(servers[0]),
    samples: [...once, ...rounds].map((sample, order) => ({ ...sample, order })),
    warnings: [`a warning with ${hostile}`],
  } satisfies RunRecord);
}
