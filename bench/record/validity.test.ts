import { describe, expect, test } from "bun:test";
import type { Sample } from "./record.ts";
import { disturbed, judge, rules } from "./validity.ts";

/** An open-loop sample that breaks no rule. */
const good: Sample = {
  scenario: "fanout",
  variant: "chat/bracket 100 open",
  server: "bun",
  protocol: "chat/bracket",
  target: "tcp://127.0.0.1:1",
  order: 0,
  startedAt: new Date(0).toISOString(),
  parameters: { loop: "open", rate: 1000 },
  counts: {
    measured: 100_000,
    firstHalf: 50_000,
    secondHalf: 50_000,
    droppedAtClients: 0,
    serverRestarts: 0,
  },
  metrics: { achievedRate: 1000, "delivery.p50": 100_000, "pacerLag.p50": 2000 },
  histograms: {},
  witnesses: [],
  meters: {
    elapsed: 1e9,
    serverCpu: 5e8,
    fleetCpu: [1e9],
    serverMemory: 1e8,
    stolen: 0.01,
    clockStep: 100,
    udpBufferDrops: 0,
    tcpRetransmits: 0,
    pacerIdle: 0.7,
  },
  wrong: [],
  invalid: [],
};
const closed = { ...good, parameters: { loop: "closed" } };

const breaking: Record<string, Sample> = {
  "stolen CPU": { ...good, meters: { ...good.meters!, stolen: 0.4 } },
  "CPU contended": { ...good, meters: { ...good.meters!, contended: 0.5 } },
  "busy neighbour": { ...good, meters: { ...good.meters!, othersIdle: 0.3 } },
  "CPUs shared": { ...good, meters: { ...good.meters!, shared: 0.5 } },
  "load generator saturated": { ...good, meters: { ...good.meters!, pacerIdle: 0.05 } },
  "rate not reached": { ...good, metrics: { ...good.metrics, achievedRate: 900 } },
  "pacer lag": { ...good, metrics: { ...good.metrics, "pacerLag.p50": 20_000 } },
  "kernel drops": { ...good, counts: { ...good.counts, droppedAtClients: 1 } },
  "not delivered in time": { ...good, counts: { ...good.counts, undelivered: 1 } },
  "load generator fell behind": { ...good, counts: { ...good.counts, fellBehind: 1 } },
  "clock step": { ...good, meters: { ...good.meters!, clockStep: -5e9 } },
  "too few values": { ...good, counts: { ...good.counts, measured: 200 } },
  "server restarted": { ...good, counts: { ...good.counts, serverRestarts: 1 } },
  "clocks not known well enough": { ...good, metrics: { ...good.metrics, clockBound: 15_000 } },
  "clocks contradicted": { ...good, counts: { ...good.counts, clocksContradicted: 1 } },
  "no steady state": { ...closed, counts: { ...good.counts, firstHalf: 10_000 } },
};

test("a sample that breaks no rule is valid", () => {
  expect(judge(good)).toEqual([]);
  expect(judge(closed)).toEqual([]);
});

describe.each(rules.map((rule) => [rule.name, rule] as const))("the rule %s", (name, rule) => {
  test("is broken by a sample that breaks just it, and says what to do", () => {
    const broken = judge(breaking[name]);
    expect(broken.map((entry) => entry.rule)).toEqual([name]);
    expect(broken[0]).toMatchObject({ limit: rule.limit, unit: rule.unit });
    expect(broken[0].words.length).toBeGreaterThan(20);
  });
});

test("waiting for a CPU by itself is no reason: a server's threads wait for each other", () => {
  const meters = { ...good.meters!, cpuWait: 5e9, others: 0.02, contended: 0.02, shared: null };
  expect(judge({ ...good, meters })).toEqual([]);
});

test("reasons of the machine are told from those of what was asked", () => {
  const reasons = Object.entries(breaking).filter(([, sample]) => disturbed({ invalid: judge(sample) }));
  expect(reasons.map(([name]) => name)).toEqual(["stolen CPU", "CPU contended", "clock step"]);
});

test("docs/scenarios.md names every rule", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../docs/scenarios.md`).text();
  expect(rules.filter(({ name }) => !page.includes(`| ${name} `)).map(({ name }) => name)).toEqual([]);
});
