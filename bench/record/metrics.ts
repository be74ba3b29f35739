/**
 * Every figure that a sample can have, described once: tables, progress, comparison, report, history, objectives and
 * docs/metrics.md derive from these lines. A new metric is one line here, and its key in the `columns` of a scenario
 * whose table is to show it.
 */

/** Times are nanoseconds, rates per second, shares 0 to 1. */
export type Unit = "ns" | "/s" | "bytes/s" | "bytes" | "share" | "count";

/** What a figure says of the server, or of the measurement; means over cells are taken by class. */
export const classes = [
  "throughput",
  "server CPU",
  "median latency",
  "tail latency",
  "last receiver",
  "memory",
  "loss",
  "load generator",
  "other",
] as const;
export type MetricClass = (typeof classes)[number];

/**
 * Where it is shown, besides tables of scenarios that name it: `tested` has a verdict in comparisons, and is in the
 * report's table of figures; `report` is in that table; `record` is in the record alone. `compare --all` and
 * `compare --history` show all of them.
 */
export type Shown = "tested" | "report" | "record";

export type Metric = {
  key: string;
  /** What it is, for sentences and legends. */
  label: string;
  /** Heads a column. */
  heading: string;
  unit: Unit;
  better: "lower" | "higher";
  class: MetricClass;
  shown: Shown;
  /** Of a percentile: the histogram of the sample that it is taken from, and what that is of. */
  histogram?: { name: string; label: string };
};

/** Metrics by their keys, in the order in which they are shown. */
export type Metrics = ReadonlyMap<string, Metric>;

/** Whoever adds metrics of their own: `metricTable([...metrics.values(), mine])`. */
export const metricTable = (list: readonly Metric[]): Metrics =>
  new Map(list.map((metric) => [metric.key, metric]));

type Words = [key: string, heading: string, label: string, shown: Shown];

const rate = (...[key, heading, label, shown]: Words): Metric => ({
  ...{ key, heading, label, shown },
  ...({ unit: "/s", better: "higher", class: "throughput" } as const),
});
const lower =
  (unit: Unit, of: MetricClass) =>
  (...[key, heading, label, shown]: Words): Metric => ({
    ...{ key, heading, label, shown, unit, class: of },
    better: "lower",
  });
const serverCpu = lower("ns", "server CPU");
const fleetCpu = lower("ns", "load generator");
const memory = lower("bytes", "memory");

const PERCENTILES = ["p50", "p90", "p99", "p99.9", "p99.99"];

/** `delivery.p50` and its like. */
const latencies = (
  name: string,
  heading: string,
  label: string,
  shown: Partial<Record<string, Shown>>,
  of?: MetricClass,
): Metric[] =>
  PERCENTILES.map((p) => ({
    key: `${name}.${p.replace(".", "")}`,
    heading: `${heading} ${p}`.trim(),
    label: `${label} ${p}`,
    unit: "ns",
    better: "lower",
    class: of ?? (p === "p50" ? "median latency" : "tail latency"),
    shown: shown[p] ?? "record",
    histogram: { name, label },
  }));

/** Of rounds: the p99 of every slice, where the tested one is of those in which the machine was not in the way. */
const withPauses = (name: string): Metric => ({
  ...lower("ns", "tail latency")(
    `${name}.p99WithPauses`,
    "p99 with pauses",
    `${labels[name]} p99, the machine's pauses in it`,
    "record",
  ),
});
const labels: Record<string, string> = {
  delivery: "each delivery",
  roundTrip: "round trip",
  last: "last receiver",
};

const tested = { p50: "tested", p99: "tested" } as const;
const reported = { p50: "report", p99: "report" } as const;

export const metrics: Metrics = metricTable([
  rate("deliveryRate", "deliveries/s", "verified deliveries", "tested"),
  rate("requestRate", "replies/s", "verified replies", "tested"),
  rate("sessionRate", "conn/s", "connections opened and closed", "tested"),
  { ...rate("transferRate", "rate", "bytes transferred", "tested"), unit: "bytes/s" },
  { ...rate("achievedRate", "msg/s", "rate achieved", "report"), class: "load generator" },
  serverCpu("serverCpuPerDelivery", "server CPU", "server CPU per delivery", "tested"),
  serverCpu("serverCpuPerRequest", "server CPU", "server CPU per request", "tested"),
  serverCpu("serverCpuPerSession", "server CPU", "server CPU per connection", "tested"),
  serverCpu("serverCpuPerMebibyte", "CPU per MiB", "server CPU per MiB", "tested"),
  ...latencies("delivery", "", "each delivery", tested),
  ...latencies("roundTrip", "", "round trip", tested),
  ...latencies("session", "closed", "connection opened and closed", tested),
  ...latencies("opened", "opened", "connection opened", reported),
  ...latencies("first", "first", "first receiver", {}),
  ...latencies("last", "last", "last receiver", { p50: "report", p99: "tested" }, "last receiver"),
  ...latencies("near", "same machine", "each delivery within one machine", {}),
  ...latencies("spread", "spread", "first to last receiver", reported),
  ...["delivery", "roundTrip", "last"].map(withPauses),
  memory("serverMemoryPeak", "peak memory", "server memory at its highest", "tested"),
  memory("serverMemoryLoaded", "memory", "server memory under load", "report"),
  memory("serverMemoryGrowth", "memory growth", "server memory beyond that before", "report"),
  memory("serverMemoryPerConnection", "per conn.", "server memory per connection", "tested"),
  memory("fleetMemoryPerConnection", "fleet's", "fleet memory per connection", "report"),
  lower("ns", "median latency")(
    "firstHalf.p50",
    "1st half p50",
    "median of the first half of the sample",
    "record",
  ),
  lower("ns", "median latency")(
    "secondHalf.p50",
    "2nd half p50",
    "median of the second half of the sample",
    "record",
  ),
  lower("share", "loss")("lossShare", "lost", "lost", "tested"),
  lower("ns", "load generator")(
    "clockBound",
    "± clocks",
    "how far a latency between machines may be wrong",
    "record",
  ),
  lower("ns", "other")("longestSilence", "silence", "longest time without a delivery", "record"),
  fleetCpu("fleetCpuPerDelivery", "fleet CPU", "fleet CPU per delivery", "record"),
  fleetCpu("fleetCpuPerRequest", "fleet CPU", "fleet CPU per request", "record"),
  fleetCpu("fleetCpuPerSession", "fleet CPU", "fleet CPU per connection", "record"),
  fleetCpu("parserPerUnit", "parser", "protocol file's own code per delivery or reply", "record"),
  ...latencies("pacerLag", "pacer lag", "pacer lag", {}, "load generator"),
]);

/** The key of a percentile in metric names: 99.9 becomes `p999`. */
export const percentileKey = (p: number): string => `p${String(p).replace(".", "")}`;

/** Of an open loop latency comes first, since its rate was asked for; of all else what it was made to find. */
const headlines: Record<"open" | "other", readonly MetricClass[]> = {
  open: ["tail latency", "median latency", "throughput", "memory"],
  other: ["throughput", "tail latency", "median latency", "memory"],
};

type Measured = { metrics: Record<string, number>; parameters: Record<string, unknown> };

/** The one metric that stands for samples of one cell; undefined where none that is tested was measured. */
export function headlineOf(samples: readonly Measured[], among: Metrics = metrics): Metric | undefined {
  const measured = [...among.values()].filter(
    ({ key, shown }) => shown === "tested" && samples.some((sample) => sample.metrics[key] !== undefined),
  );
  const order = headlines[samples[0]?.parameters.loop === "open" ? "open" : "other"];
  const first = order.find((one) => measured.some((metric) => metric.class === one));
  return measured.find((metric) => first === undefined || metric.class === first);
}

/** Histograms that hold latencies of the server, by name, and what they are of. */
export function latencyHistograms(among: Metrics = metrics): Map<string, string> {
  const percentiles = [...among.values()].filter((metric) => metric.class !== "load generator");
  return new Map(
    percentiles.flatMap(({ histogram }) => (histogram ? [[histogram.name, histogram.label]] : [])),
  );
}
