/** Fleets' reports of one room, joined: the same as if one fleet had seen all of it. */
import { expect, test } from "bun:test";
import { createArrivals, type Standing } from "../../clients/arrivals.ts";
import { createHistogram, encodeHistogram, recordLatency } from "../../clients/histogram.ts";
import type { RoomReport } from "../../clients/workloads/room.ts";
import { seededRandom } from "../../platform/random.ts";
import { judge } from "../record/validity.ts";
import type { Fleets } from "../run/fleets.ts";
import { type RoomShape, runRoomCell } from "./fanout.ts";

const MEMBERS = 9;
const MESSAGES = 200;
const SENDERS = 6;
const RATE = 1000;
const shape: RoomShape = {
  protocol: "chat/welcome",
  connections: MEMBERS,
  messageBytes: 64,
  warmup: 0,
  duration: MESSAGES / RATE,
  load: { loop: "open", rate: RATE, senders: SENDERS },
};

/** One delivery: message k to a member, after so many nanoseconds. */
type Delivery = { k: number; member: number; latency: number };
const random = seededRandom(7);
const deliveries: Delivery[] = Array.from({ length: MESSAGES * MEMBERS }, (_, i) => ({
  k: Math.floor(i / MEMBERS),
  member: i % MEMBERS,
  latency: 1e5 + Math.floor(random() ** 4 * 1e8),
}));
const due = (k: number) => (k * 1e9) / RATE;
// In the order in which they come.
deliveries.sort((a, b) => due(a.k) + a.latency - (due(b.k) + b.latency));

/** The report of a fleet that holds every `fleets`-th member. */
function reportOf(fleet: number, fleets: number, standing?: Standing, wrongBy = 0): RoomReport {
  const arrivals = createArrivals(SENDERS, 0, MESSAGES, standing);
  const own = deliveries.filter(({ member }) => member % fleets === fleet);
  for (const { k, latency } of own)
    arrivals.arrived(k % SENDERS, Math.floor(k / SENDERS), due(k), due(k) + latency - wrongBy);
  const counts = { delivered: own.length, lost: 0, duplicated: 0, reordered: 0, corrupt: 0, unexpected: 0 };
  const used = {
    elapsed: 1e9,
    ownCpu: 1,
    ownCpus: [],
    serverCpus: [],
    busy: undefined,
    stolen: 0,
    clockStep: 0,
  };
  return {
    ...{ workload: "room", counts, witnesses: [], sent: 0, expected: own.length, withheld: 0, givenUp: 0 },
    ...{ connectionsLost: { count: 0, reason: "", each: [] }, offered: [], dropped: undefined },
    measured: { used, sent: 0, delivered: own.length, firstHalf: 0, silence: 0 },
    open: {
      ...arrivals.report(),
      lag: encodeHistogram(createHistogram()),
      pace: { offered: 0, asked: 0, achieved: 0, idle: 1 },
      startOffset: 0,
    },
  } as unknown as RoomReport;
}

const partsOf = (reports: RoomReport[], more: Pick<Fleets, "machines" | "clocks"> = {}) =>
  runRoomCell(shape, {
    ...{ target: "tcp://10.0.0.1:1", serverPids: [], tag: 2, onProgress() {}, broken: new Promise(() => {}) },
    fleets: { ...more, run: async () => reports } as unknown as Fleets,
  });

const machines = [0, 1, 1];
const clocks = (bound: number) => () =>
  ["a", "b"].map((machine, i) => ({ machine, before: 0, after: 0, bound: i * bound }));

test("counts and histograms of three fleets are those of all raw values", async () => {
  const split = await partsOf(
    machines.map((own, fleet) => reportOf(fleet, 3, { own, machines })),
    { machines, clocks: clocks(50) },
  );
  const whole = await partsOf([reportOf(0, 1)]);
  const raw = createHistogram();
  for (const { latency } of deliveries) recordLatency(raw, latency);
  expect(split.histograms.delivery).toBe(encodeHistogram(raw));
  for (const name of ["delivery", "first", "last", "spread"])
    expect([name, split.histograms[name]]).toEqual([name, whole.histograms[name]]);
  expect(split.counts.delivered).toBe(deliveries.length);
  expect(split.counts.incomplete).toBe(0);
  for (const key of ["delivery.p50", "delivery.p99", "first.p50", "last.p50", "spread.p50"])
    expect([key, split.metrics[key]]).toEqual([key, whole.metrics[key]]);
});

test("what stayed within one machine is shown apart, and needs no second clock", async () => {
  const near = createHistogram();
  for (const { k, member, latency } of deliveries)
    if (machines[(k % SENDERS) % 3] === machines[member % 3]) recordLatency(near, latency);
  const { histograms, metrics } = await partsOf(
    machines.map((own, fleet) => reportOf(fleet, 3, { own, machines })),
    { machines, clocks: clocks(50) },
  );
  expect(histograms.near).toBe(encodeHistogram(near));
  expect(metrics.clockBound).toBe(50);
});

test.each([
  ["by less than the bound, they are counted", 2e6, 0],
  ["by more, the clocks are contradicted", 100, 1],
])("latencies below 0 are kept: %s", async (_, bound, contradicted) => {
  // Machine 1's clock is behind by more than the shortest way takes.
  const reports = machines.map((own, fleet) => reportOf(fleet, 3, { own, machines }, own === 1 ? 1e6 : 0));
  // Within machine 1 both ends are wrong by the same, as they are with one clock.
  for (const report of reports.slice(1)) report.open!.between!.least[1] = 1;
  const { counts, metrics, histograms, ...parts } = await partsOf(reports, {
    machines,
    clocks: clocks(bound),
  });
  expect(counts.negative).toBeGreaterThan(0);
  expect(counts.clocksContradicted > 0).toBe(contradicted > 0);
  const whole = createHistogram();
  for (const { member, latency } of deliveries)
    recordLatency(whole, latency - (machines[member % 3] === 1 ? 1e6 : 0));
  expect(histograms.delivery).toBe(encodeHistogram(whole));
  const sample = { counts, metrics, parameters: {}, ...parts } as unknown as Parameters<typeof judge>[0];
  const rules = judge(sample).map(({ rule }) => rule);
  expect(rules.includes("clocks contradicted")).toBe(contradicted > 0);
});

test("a sample whose bound is over a tenth of its median is marked", () => {
  const sample = (clockBound: number) =>
    ({ counts: {}, parameters: {}, metrics: { "delivery.p50": 1e6, clockBound } }) as unknown as Parameters<
      typeof judge
    >[0];
  const marked = (bound: number) =>
    judge(sample(bound)).some(({ rule }) => rule === "clocks not known well enough");
  expect(marked(100_001)).toBe(true);
  expect(marked(99_999)).toBe(false);
});
