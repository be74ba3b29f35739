/** Every figure that a sample can have: what it is, its unit, and which way is better. */

export type Metric = {
  label: string;
  unit: "ns" | "/s" | "share" | "bytes" | "count";
  better: "lower" | "higher";
};

const latency = (label: string): Metric => ({ label, unit: "ns", better: "lower" });

const percentileLabels = { p50: "p50", p90: "p90", p99: "p99", p999: "p99.9", p9999: "p99.99" };
const percentileNames = ["p50", "p90", "p99", "p999", "p9999"] as const;

/** `delivery.p50` and its like: a histogram's name and a percentile. */
const latencies = Object.fromEntries(
  Object.entries({
    delivery: "each delivery",
    first: "first receiver",
    last: "last receiver",
    spread: "first to last receiver",
    roundTrip: "round trip",
    opened: "connection opened",
    session: "connection opened and closed",
  }).flatMap(([name, label]) =>
    percentileNames.map((p) => [`${name}.${p}`, latency(`${label} ${percentileLabels[p]}`)]),
  ),
);

export const metrics: Record<string, Metric> = {
  deliveryRate: { label: "verified deliveries", unit: "/s", better: "higher" },
  requestRate: { label: "verified replies", unit: "/s", better: "higher" },
  achievedRate: { label: "rate achieved", unit: "/s", better: "higher" },
  serverCpuPerDelivery: { label: "server CPU per delivery", unit: "ns", better: "lower" },
  fleetCpuPerDelivery: { label: "fleet CPU per delivery", unit: "ns", better: "lower" },
  serverCpuPerRequest: { label: "server CPU per request", unit: "ns", better: "lower" },
  fleetCpuPerRequest: { label: "fleet CPU per request", unit: "ns", better: "lower" },
  transferRate: { label: "bytes transferred", unit: "/s", better: "higher" },
  serverCpuPerMebibyte: { label: "server CPU per MiB", unit: "ns", better: "lower" },
  serverMemoryPeak: { label: "server memory at its highest", unit: "bytes", better: "lower" },
  serverMemoryGrowth: { label: "server memory beyond that before", unit: "bytes", better: "lower" },
  sessionRate: { label: "connections opened and closed", unit: "/s", better: "higher" },
  serverCpuPerSession: { label: "server CPU per connection", unit: "ns", better: "lower" },
  fleetCpuPerSession: { label: "fleet CPU per connection", unit: "ns", better: "lower" },
  serverMemoryPerConnection: { label: "server memory per connection", unit: "bytes", better: "lower" },
  fleetMemoryPerConnection: { label: "fleet memory per connection", unit: "bytes", better: "lower" },
  longestSilence: { label: "longest time without a delivery", unit: "ns", better: "lower" },
  lossShare: { label: "lost", unit: "share", better: "lower" },
  "pacerLag.p50": latency("pacer lag p50"),
  "pacerLag.p99": latency("pacer lag p99"),
  ...latencies,
};

/** The key of a percentile in metric names: 99.9 becomes `p999`. */
export const percentileKey = (p: number): string => `p${String(p).replace(".", "")}`;
