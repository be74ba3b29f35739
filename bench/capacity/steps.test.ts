/** From samples to steps with evidence, and from steps to the knee, the limit and the sentence. */
import { describe, expect, test } from "bun:test";
import { sampleOf } from "../compare/testing.ts";
import { type RunRecord, recordSchema, type Sample } from "../record/record.ts";
import { capacitySentence } from "../terminal/capacity.ts";
import { machineWords, toStep } from "./capacity.ts";
import { boundOf, evidenceOf, grewWithTimeToSpare, inTheWay } from "./evidence.ts";
import { parseObjective } from "./objective.ts";
import { type Capacity, kneeOf, limitOf, type Step } from "./steps.ts";

const clauses = parseObjective("p99<5ms");
const meters = {
  ...{ elapsed: 1e9, serverCpu: 0.1e9, fleetCpu: [1e9], serverMemory: null, stolen: 0, clockStep: 0 },
  ...{ udpBufferDrops: null, tcpRetransmits: null, pacerIdle: 0.8 },
};
const good = sampleOf({
  parameters: { loop: "open", rate: 1000 },
  metrics: { "delivery.p99": 4e6, achievedRate: 1000, "firstHalf.p50": 2e5, "secondHalf.p50": 2e5 },
  counts: { sent: 1300, expected: 13_000, lost: 0, measured: 10_000 },
  meters,
});
const withMetrics = (metrics: Sample["metrics"]) => ({ ...good, metrics: { ...good.metrics, ...metrics } });

describe("evidence", () => {
  const kinds = (sample: Sample) => evidenceOf(sample, 5e6).map(({ kind }) => kind);

  test.each<[string, Sample, string[]]>([
    ["a late tail alone", withMetrics({ "delivery.p99": 40e6 }), []],
    ["the server's CPU is full", { ...good, meters: { ...meters, serverCpu: 0.97e9 } }, ["server full"]],
    ["the pacer had no time left", { ...good, meters: { ...meters, pacerIdle: 0.02 } }, ["generator full"]],
    ["2 % of the rate are missing, as after a pause at the end", withMetrics({ achievedRate: 980 }), []],
    ["a tenth of the rate is missing", withMetrics({ achievedRate: 900 }), ["rate not reached"]],
    [
      "a tenth of the deliveries came after their time",
      { ...good, counts: { ...good.counts, measured: 9000 } },
      ["behind"],
    ],
    [
      "a tenth of the datagrams was lost, and none late",
      { ...good, counts: { ...good.counts, lost: 1300, measured: 9000 } },
      [],
    ],
    ["some never came", { ...good, counts: { ...good.counts, undelivered: 3 } }, ["behind"]],
    ["the second half is slower", withMetrics({ "firstHalf.p50": 4e6, "secondHalf.p50": 9e6 }), ["queue"]],
    ["the second half is slower by nothing that matters", withMetrics({ "secondHalf.p50": 6e5 }), []],
    [
      "both halves are beyond the bound",
      withMetrics({ "firstHalf.p50": 7e6, "secondHalf.p50": 7e6 }),
      ["late"],
    ],
    ["it is wrong", { ...good, wrong: [{ kind: "lost", count: 1, words: "did not arrive" }] }, ["wrong"]],
  ])("%s", (_, sample, found) => {
    expect(kinds(sample)).toEqual(found);
  });

  test("of requests, each is one that is due", () => {
    const requests = { ...good, counts: { sent: 1300, missing: 0, measured: 900 } };
    expect(kinds(requests)).toEqual(["behind"]);
    expect(kinds({ ...requests, counts: { ...requests.counts, measured: 1000 } })).toEqual([]);
  });

  test("a busy machine hides a miss, but not that more was missing than it took", () => {
    const invalid = [{ rule: "CPU contended", value: 0.3, limit: 0.25, unit: "", words: "" }];
    const done = (measured: number, serverWait: number) => ({
      ...{ ...good, invalid, counts: { ...good.counts, measured } },
      meters: { ...meters, contended: 0.3, serverWait },
    });
    const waited = [done(9900, 0.3e9), done(7000, 0.3e9), done(4000, 0.3e9), done(7000, 0.05e9)];
    expect(waited.map(inTheWay)).toEqual([true, true, false, false]);
    expect(inTheWay({ ...done(9000, 0), invalid: [] })).toBe(false);
  });

  test("a queue that grows while there is time to spare is suspect", () => {
    const growing = withMetrics({ "firstHalf.p50": 30e6, "secondHalf.p50": 55e6 });
    const suspect = (parts: Partial<typeof meters> & { serverWait: number }) => {
      const sample = { ...growing, meters: { ...meters, ...parts } };
      return grewWithTimeToSpare(sample, evidenceOf(sample));
    };
    expect(suspect({ serverCpu: 0.3e9, serverWait: 0.25e9 })).toBe(true);
    expect(suspect({ serverCpu: 0.5e9, serverWait: 0.45e9 })).toBe(false);
    expect(suspect({ serverCpu: 0.3e9, serverWait: 0, pacerIdle: 0.05 })).toBe(false);
    expect(grewWithTimeToSpare(growing, evidenceOf(growing))).toBe(false);
  });

  test("a bound of CPU time is none of a latency", () => {
    expect(boundOf(parseObjective("serverCpuPerDelivery<2us"))).toBeUndefined();
    expect(boundOf(parseObjective("serverCpuPerDelivery<2us,p99<5ms,last.p99<4ms"))).toBe(4e6);
  });

  test("its words have the figures", () => {
    const [queue] = evidenceOf(withMetrics({ "firstHalf.p50": 4e6, "secondHalf.p50": 9e6 }));
    expect(queue.words).toBe("the queue grew: median 4 ms in the first half, 9 ms in the second");
    const [full] = evidenceOf({ ...good, meters: { ...meters, serverCpu: 0.97e9 } });
    expect(full.words).toBe("server at 97 % of a CPU");
  });
});

describe("a step", () => {
  const broken = (rule: string) => [{ rule, value: 0.5, limit: 0.3, unit: "", words: "" }];
  const late = withMetrics({ "delivery.p99": 6e6 });

  test("is met when the objective is, nothing is wrong and the rate was reached", () => {
    const wrong = { kind: "duplicated", count: 2, words: "arrived more than once" };
    expect(toStep(good, 1, "search", clauses)).toMatchObject({ met: true, evidence: [], hidden: false });
    expect(toStep({ ...good, invalid: broken("rate not reached") }, 1, "search", clauses)).toMatchObject({
      met: false,
      clientLimited: true,
    });
    expect(toStep({ ...good, invalid: broken("pacer lag") }, 1, "search", clauses).clientLimited).toBe(true);
    expect(toStep({ ...good, wrong: [wrong] }, 1, "search", clauses)).toMatchObject({
      unmet: ["2 arrived more than once"],
      evidence: [{ kind: "wrong", words: "2 arrived more than once" }],
    });
  });

  test("at which a queue grows is not met, however loose the bound", () => {
    const growing = withMetrics({ "firstHalf.p50": 20e6, "secondHalf.p50": 40e6, "delivery.p99": 60e6 });
    expect(toStep(growing, 1, "search", parseObjective("p99<1s"))).toMatchObject({
      met: false,
      unmet: ["the queue grew: median 20 ms in the first half, 40 ms in the second"],
    });
    const steady = withMetrics({ "firstHalf.p50": 20e6, "secondHalf.p50": 24e6, "delivery.p99": 60e6 });
    expect(toStep(steady, 1, "search", parseObjective("p99<1s")).met).toBe(true);
  });

  test("that was missed is hidden where the machine was disturbed, unless the server was wrong", () => {
    const hidden = (sample: Sample) => toStep(sample, 1, "search", clauses).hidden;
    const contended = { ...late, invalid: broken("CPU contended") };
    const wrong = [{ kind: "lost", count: 1, words: "did not arrive" }];
    expect(
      [late, contended, { ...contended, wrong }, { ...good, invalid: contended.invalid }].map(hidden),
    ).toEqual([false, true, false, false]);
  });
});

const step = (value: number, parts: Partial<Step> = {}): Step => ({
  ...toStep(good, value, "search", clauses),
  ...parts,
});
const missed = (value: number, ...evidence: [kind: string, words: string][]) =>
  step(value, {
    met: false,
    unmet: ["p99<5ms: 9 ms"],
    evidence: evidence.map(([kind, words]) => ({ kind, words })),
  });

describe("what the steps say", () => {
  test("the knee is the last value before the median doubles, whatever one sample of it was", () => {
    const row = (value: number, p50: number) => step(value, { p50 });
    expect(kneeOf([row(400, 50), row(100, 10), row(200, 20)])).toBe(200);
    expect(kneeOf([row(100, 10), row(200, 90), row(200, 11), row(200, 12), row(400, 50)])).toBe(200);
    expect(kneeOf([row(100, 10), row(200, 11)])).toBeNull();
    expect(kneeOf([])).toBeNull();
  });

  const full: [string, string] = ["server full", "server at 97 % of a CPU"];
  const busy: [string, string] = ["generator full", "load generator busy for 98 % of the time"];
  const queue: [string, string] = ["queue", "the queue grew"];

  test("the limit is named with its evidence, of the misses just above the answer", () => {
    expect(limitOf([step(100)], 100)).toEqual({ limit: "none found", evidence: [] });
    expect(limitOf([missed(110, queue), missed(200, full)], 100)).toEqual({
      limit: "server",
      evidence: ["the queue grew"],
    });
    expect(limitOf([missed(110, queue, busy)], 100)).toEqual({
      limit: "client",
      evidence: ["load generator busy for 98 % of the time", "the queue grew"],
    });
    expect(limitOf([missed(110, busy), missed(112, full)], 100).limit).toBe("server");
    const once = [missed(110, busy, queue), missed(110, queue), missed(111, queue)];
    expect(limitOf(once, 100)).toMatchObject({ limit: "server" });
    expect(limitOf([missed(90, full)], 100).limit).toBe("none found");
  });

  test("a miss that does not count names nobody", () => {
    expect(limitOf([missed(110), { ...missed(110, full), hidden: true }], 100).limit).toBe("none found");
  });

  const capacity: Capacity = {
    ...{ protocol: "chat/bracket", server: "bun", objective: "p99<5ms", grow: "rate", knee: null },
    ...{ answer: { value: 100, held: 3, of: 4 }, steps: [step(100), missed(110, full)] },
    ...{ limit: "server", evidence: ["server at 97 % of a CPU"] },
  };

  test("the sentence names the limit with its evidence, and an older record's without", () => {
    expect(capacitySentence(capacity)).toBe(
      'chat/bracket bun holds "p99<5ms" at 100 messages per second (in 3 of 4 repeated samples). Beyond it the server was the limit: server at 97 % of a CPU.',
    );
    const { evidence: _, ...old } = capacity;
    expect(capacitySentence(old)).toEndWith("Beyond it the server was the limit.");
  });

  test("where the machine hides it, the sentence says so, and what was seen", () => {
    const own = (value: number) => ({ percentile: "p99", value, p50: 1e5 });
    const hidden = [4.2e6, 3e6, 40e6, 1e5].map((value) => ({
      ...missed(250),
      hidden: true,
      machine: own(value),
    }));
    const unjudged = machineWords(hidden, 250, "p99<5ms", clauses);
    expect(unjudged).toBe(
      "p99<5ms cannot be judged here: the machine's own p99 is 4.2 ms".replace("4.2", "4.20"),
    );
    expect(capacitySentence({ ...capacity, steps: [step(100), ...hidden], answer: null, unjudged })).toBe(
      `chat/bracket bun: ${unjudged}. It held in a sample at 100 messages per second.`,
    );
    const quiet = hidden.map((one) => ({ ...one, machine: own(1e5) }));
    expect(machineWords(quiet, 250, "p99<5ms", clauses)).toContain(
      "took the CPUs of server and load generator",
    );
  });

  test("steps of an older record, without evidence, are read", () => {
    const { evidence: _, hidden: __, ...old } = step(100);
    const shape = recordSchema.shape.capacity;
    expect(
      shape.parse({ ...capacity, evidence: undefined, steps: [old] } satisfies RunRecord["capacity"]),
    ).toMatchObject({ steps: [old] });
  });
});
