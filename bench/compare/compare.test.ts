import { describe, expect, test } from "bun:test";
import { Failure } from "../../platform/failure.ts";
import type { RunRecord } from "../record/record.ts";
import { compareRecords, compareServers } from "./compare.ts";
import { type Comparison, fails, isVoid } from "./comparison.ts";
import { noisy, recordOf, sampleOf } from "./testing.ts";
import { sentence } from "./words.ts";

const rate = 1_000_000;
const cpu = 1000;
const old = recordOf("old", noisy(12, { deliveryRate: rate, serverCpuPerDelivery: cpu }, { seed: 1 }));
const like = (factor: { rate?: number; cpu?: number }, noise = 0.03) =>
  recordOf(
    "new",
    noisy(
      12,
      { deliveryRate: rate * (factor.rate ?? 1), serverCpuPerDelivery: cpu * (factor.cpu ?? 1) },
      { seed: 2, noise },
    ),
  );

const verdicts = ({ cells }: Comparison) =>
  Object.fromEntries(cells.flatMap(({ rows }) => rows.map(({ metric, verdict }) => [metric, verdict])));

const failureOf = (work: () => unknown): Failure => {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was refused");
};

describe("verdicts", () => {
  test("more CPU is slower, and fails the gate", () => {
    const comparison = compareRecords(old, like({ cpu: 1.1 }));
    expect(verdicts(comparison)).toEqual({ deliveryRate: "same", serverCpuPerDelivery: "slower" });
    expect(fails(comparison, "regression")).toBeTrue();
    expect(fails(comparison, "wrong")).toBeFalse();
    const [{ change, old: side }] = comparison.cells[0].rows.filter(
      ({ metric }) => metric === "serverCpuPerDelivery",
    );
    expect(change?.estimate).toBeCloseTo(1.1, 1);
    expect(change?.interval?.low).toBeGreaterThan(1.05);
    expect(side.samples).toBe(12);
  });

  test("a lower rate is slower, a higher one faster", () => {
    expect(verdicts(compareRecords(old, like({ rate: 0.9 }))).deliveryRate).toBe("slower");
    const faster = compareRecords(old, like({ rate: 1.2 }));
    expect(verdicts(faster).deliveryRate).toBe("faster");
    expect(fails(faster, "regression")).toBeFalse();
    expect(fails(faster, "change")).toBeTrue();
  });

  test("equal sides show no difference", () => {
    const comparison = compareRecords(old, like({}));
    expect(verdicts(comparison)).toEqual({ deliveryRate: "same", serverCpuPerDelivery: "same" });
    expect(fails(comparison, "change")).toBeFalse();
  });

  test("a certain difference below half of the threshold is no regression, and settled as the same", () => {
    const small = like({ cpu: 1.02 }, 0.002);
    expect(verdicts(compareRecords(old, small)).serverCpuPerDelivery).toBe("same");
    expect(verdicts(compareRecords(old, small, { threshold: 0.02 })).serverCpuPerDelivery).not.toBe("same");
  });

  test("what is seven times as much is told from four rounds, whatever the noise of a few percent", () => {
    const few = (record: RunRecord) => ({ ...record, samples: record.samples.slice(0, 4) });
    expect(verdicts(compareRecords(few(old), few(like({ cpu: 7 })))).serverCpuPerDelivery).toBe("slower");
  });

  test("too much noise is undecided, with what the change lies between", () => {
    const noise = 0.4;
    const loud = (seed: number) =>
      recordOf(`${seed}`, noisy(12, { serverCpuPerDelivery: cpu }, { seed, noise }));
    const comparison = compareRecords(loud(1), loud(2));
    expect(verdicts(comparison).serverCpuPerDelivery).toBe("undecided");
    expect(sentence(comparison)).toMatch(
      /: undecided in 1 of 1 figure, the widest between × 0\.\d+ and × \d\.\d+ \(/,
    );
    expect(fails(comparison, "change")).toBeFalse();
  });

  test("one sample per side is undecided, without an interval, and breaks nothing", () => {
    const one = (record: RunRecord) => ({ ...record, samples: record.samples.slice(0, 1) });
    const comparison = compareRecords(one(old), one(like({ cpu: 3 })));
    const [row] = comparison.cells[0].rows;
    expect(row).toMatchObject({ verdict: "undecided", change: { scale: "ratio", interval: null } });
    expect(sentence(comparison)).toBe(
      "new and old are not told apart: undecided in 2 of 2 figures, with too few rounds for bounds.",
    );
  });

  test("values of 0 have no ratio; a server that has stalled is slower all the same", () => {
    const zero = () => recordOf("zero", noisy(12, { deliveryRate: 0 }));
    const rowOf = (a: RunRecord, b: RunRecord) => compareRecords(a, b).cells[0].rows[0];
    expect(rowOf(zero(), zero())).toMatchObject({ change: null, verdict: "undecided" });
    expect(rowOf(old, zero())).toMatchObject({ change: null, verdict: "slower" });
  });
});

describe("what is tested", () => {
  test("only the figures of the family; others are shown without a verdict", () => {
    const all = (seed: number) =>
      recordOf(`${seed}`, noisy(12, { serverCpuPerDelivery: cpu, fleetCpuPerDelivery: seed }, { seed }));
    const comparison = compareRecords(all(1), all(2));
    expect(comparison.tests).toBe(1);
    expect(verdicts(comparison)).toEqual({ serverCpuPerDelivery: "same", fleetCpuPerDelivery: null });
  });

  test("nothing of the reference that stands beside the servers", () => {
    const raw = (seed: number, rate: number) =>
      recordOf(`${seed}`, noisy(12, { transferRate: rate }, { seed, server: "reference" }));
    const comparison = compareRecords(raw(1, 1000), raw(2, 100));
    expect(verdicts(comparison)).toEqual({ transferRate: null });
    expect(fails(comparison, "regression")).toBeFalse();
  });

  test("transfer, connect and idle by their own figures", () => {
    const figures = { transferRate: 1e9, "session.p99": 1e6, serverMemoryPerConnection: 2048 };
    const worse = { transferRate: 5e8, "session.p99": 2e6, serverMemoryPerConnection: 4096 };
    const comparison = compareRecords(
      recordOf("a", noisy(12, figures, { seed: 1 })),
      recordOf("b", noisy(12, worse, { seed: 2 })),
    );
    expect(verdicts(comparison)).toEqual({
      transferRate: "slower",
      "session.p99": "slower",
      serverMemoryPerConnection: "slower",
    });
    expect(sentence(comparison)).toMatch(
      /the bytes per second of old, has .* its connection p99, and uses .* of its memory for each connection in .* \(slower and worse\)/,
    );
  });

  test("not the rate of an open loop, which was asked for", () => {
    const open = (seed: number) =>
      recordOf(
        `${seed}`,
        noisy(9, { deliveryRate: 5, "delivery.p99": 9 }, { seed, parameters: { loop: "open" } }),
      );
    expect(verdicts(compareRecords(open(1), open(2)))).toEqual({
      deliveryRate: null,
      "delivery.p99": "same",
    });
  });

  test("more figures need stronger evidence", () => {
    const cells = (count: number, seed: number) =>
      recordOf(
        `${seed}`,
        Array.from({ length: count }, (_, i) =>
          noisy(5, { deliveryRate: rate }, { variant: `${i}`, seed: seed + i }),
        ).flat(),
      );
    const widthOf = (count: number) => {
      const { low, high } = compareRecords(cells(count, 1), cells(count, 50)).cells[0].rows[0].change!
        .interval!;
      return high / low;
    };
    expect(widthOf(20)).toBeGreaterThan(widthOf(1));
  });

  test("invalid samples are discarded and counted", () => {
    const bad = noisy(3, { deliveryRate: 1, serverCpuPerDelivery: 1 }).map((sample) => ({
      ...sample,
      invalid: [{ rule: "stolen CPU", value: 0.5, limit: 0.1, unit: "share", words: "" }],
    }));
    const comparison = compareRecords(old, { ...like({}), samples: [...like({}).samples, ...bad] });
    expect(verdicts(comparison).deliveryRate).toBe("same");
    expect(comparison.cells[0].discarded).toEqual({ old: 0, new: 3, rules: ["stolen CPU"] });
  });

  test("a comparison without any valid sample is void, and says so", () => {
    const invalid = [{ rule: "stolen CPU", value: 0.5, limit: 0.1, unit: "share", words: "" }];
    const spoilt = like({});
    for (const sample of spoilt.samples) sample.invalid = invalid;
    const comparison = compareRecords(old, spoilt);
    expect(isVoid(comparison)).toBeTrue();
    expect(comparison.cells[0].missing).toEqual({
      old: [],
      new: ["verified deliveries", "server CPU per delivery"],
    });
    expect(sentence(comparison)).toStartWith("Nothing could be compared");
    expect(isVoid(compareRecords(old, like({})))).toBeFalse();
  });

  test("samples without figures are compared for what is wrong alone", () => {
    const framing = () => recordOf("framing", [sampleOf({ scenario: "framing", variant: "" })]);
    const comparison = compareRecords(framing(), framing());
    expect(isVoid(comparison)).toBeFalse();
    expect(sentence(comparison)).toBe("There are no figures to compare; nothing is newly wrong in new.");
  });

  test("lost datagrams are compared by their difference", () => {
    const udp = (seed: number, lossShare: number) =>
      recordOf(`${seed}`, noisy(12, { lossShare }, { seed, noise: 0.5 }));
    expect(verdicts(compareRecords(udp(1, 0.001), udp(2, 0.1))).lossShare).toBe("slower");
    expect(verdicts(compareRecords(udp(1, 0.001), udp(2, 0.003))).lossShare).toBe("same");
    expect(verdicts(compareRecords(udp(1, 0), udp(2, 0))).lossShare).toBeNull();
  });
});

describe("correctness comes first", () => {
  const losing = (record: RunRecord): RunRecord => ({
    ...record,
    samples: [
      ...record.samples.slice(1),
      { ...record.samples[0], wrong: [{ kind: "lost", count: 3, words: "did not arrive" }] },
    ],
  });

  test("a new fault fails every gate, however much faster it is", () => {
    const comparison = compareRecords(old, losing(like({ rate: 2, cpu: 0.5 })));
    expect(comparison.faults).toMatchObject([{ kind: "lost", old: 0, new: 1, change: "new" }]);
    expect(fails(comparison, "wrong")).toBeTrue();
    expect(sentence(comparison)).toStartWith("new is wrong where old was right");
  });

  test("a fault counts in an invalid sample, too, and without words of the scenario", () => {
    const broken = sampleOf({
      counts: { duplicated: 2 },
      invalid: [{ rule: "stolen CPU", value: 1, limit: 0, unit: "", words: "" }],
    });
    const comparison = compareRecords(old, { ...like({}), samples: [...like({}).samples, broken] });
    expect(comparison.faults).toMatchObject([{ kind: "duplicated", change: "new", words: "2 duplicated" }]);
  });

  test("a fault that both have is told and fails nothing, and one that has gone is told", () => {
    expect(compareRecords(losing(old), losing(like({}))).faults[0].change).toBe("still");
    const gone = compareRecords(losing(old), like({}));
    expect(gone.faults[0].change).toBe("gone");
    expect(fails(gone, "change")).toBeFalse();
  });
});

describe("unlike records are refused", () => {
  const elsewhere = (parts: Partial<RunRecord["environment"]>) => {
    const record = like({});
    return { ...record, environment: { ...record.environment, ...parts } };
  };

  test("with the fields that differ, and exit code 4", () => {
    const failure = failureOf(() => compareRecords(old, elsewhere({ cpu: "another", bun: "1.4.6" })));
    expect(failure.exitCode).toBe(4);
    expect(failure.message).toBe(
      "old and new are not alike, they differ in bun (1.4.5 and 1.4.6); cpu (one and another); " +
        "--force compares them all the same",
    );
  });

  test("for kernel settings and parameters, too", () => {
    expect(failureOf(() => compareRecords(old, elsewhere({ sysctl: {} }))).message).toContain(
      "net/core/rmem_max (212992 and null)",
    );
    const longer = like({});
    for (const sample of longer.samples) sample.parameters = { ...sample.parameters, connections: 200 };
    expect(failureOf(() => compareRecords(old, longer)).message).toContain(
      "fanout tcp 100 closed: connections (100 and 200)",
    );
  });

  test("but not for another commit or seed", () => {
    const other = elsewhere({ git: { commit: "f", clean: false }, clockUncertainty: 9 });
    for (const sample of other.samples) sample.parameters = { ...sample.parameters, seed: 7 };
    expect(compareRecords(old, other).unlike).toEqual([]);
  });

  test("nor for a parameter of words, with a comma in them", () => {
    const both = [like({}), like({})];
    for (const { samples } of both)
      for (const sample of samples)
        sample.parameters = { ...sample.parameters, leaving: "FIN or reset, in turn" };
    expect(compareRecords(both[0], both[1]).unlike).toEqual([]);
  });

  test("and compared by force, with a word of it", () => {
    const comparison = compareRecords(old, elsewhere({ cores: 8 }), { force: true });
    expect(comparison.unlike).toEqual([{ field: "cores", old: "4", new: "8" }]);
  });

  test("when they have nothing in common", () => {
    const other = recordOf("new", noisy(3, { deliveryRate: 1 }, { variant: "udp 10 open" }));
    const failure = failureOf(() => compareRecords(old, other));
    expect(failure.exitCode).toBe(4);
    expect(failure.message).toContain("fanout tcp 100 closed and fanout udp 10 open");
  });
});

describe("two servers of one record", () => {
  const both = recordOf("both", [
    ...noisy(12, { deliveryRate: rate }, { server: "bun", seed: 1 }),
    ...noisy(12, { deliveryRate: rate * 0.8 }, { server: "go", seed: 2 }),
  ]);

  test("are compared in pairs", () => {
    const comparison = compareServers(both, "bun", "go");
    expect(comparison.cells[0].rows[0]).toMatchObject({ verdict: "slower", rounds: 12 });
    expect(sentence(comparison)).toMatch(
      /^bun handles 1\.2\d× \(1\.\d+–1\.\d+\) the deliveries per second of go\.$/,
    );
  });

  test("what drifts over both alike does not count", () => {
    const drifting = (server: string, factor: number, seed: number) =>
      noisy(12, { deliveryRate: rate * factor }, { server, seed, noise: 0.01 }).map((sample, i) => ({
        ...sample,
        metrics: { deliveryRate: sample.metrics.deliveryRate * 1.2 ** i },
      }));
    const record = recordOf("drift", [...drifting("a", 1, 1), ...drifting("b", 1.1, 2)]);
    expect(verdicts(compareServers(record, "a", "b")).deliveryRate).toBe("faster");
  });

  test("rounds are paired by their number, block by block", () => {
    const round = (server: string, number: number, rates: number[]) =>
      sampleOf({ server, round: number, metrics: { deliveryRate: 1 }, slices: { deliveryRate: rates } });
    const rounds = Array.from({ length: 5 }, (_, i) => [
      // The machine is four times as fast in the second block, and one block of the five is disturbed.
      round("a", i, [100, 400, 100, 100, 100]),
      round("b", i, [110 + i, 440, 110, 10, 110]),
    ]).flat();
    const { cells, looks } = compareServers(recordOf("r", rounds.toReversed()), "a", "b");
    expect(cells[0].rows[0].change?.estimate).toBeCloseTo(1.1, 5);
    expect(cells[0].rows[0].verdict).toBe("faster");
    expect(looks).toBeGreaterThan(1);
  });

  test("a round of which one side does not count is none", () => {
    const invalid = [{ rule: "stolen CPU", value: 1, limit: 0, unit: "", words: "" }];
    const [first, ...rest] = both.samples;
    const comparison = compareServers({ ...both, samples: [{ ...first, invalid }, ...rest] }, "bun", "go");
    expect(comparison.cells[0].rows[0].rounds).toBe(11);
  });

  test("must be there", () => {
    expect(failureOf(() => compareServers(both, "bun", "node")).message).toBe(
      'record both has no server "node": expected one of: bun, go',
    );
  });
});

describe("over all scenarios", () => {
  test("the geometric mean of each class, with its interval", () => {
    const cells = (first: number, second: number, seed: number) =>
      recordOf(`${seed}`, [
        ...noisy(12, { deliveryRate: first }, { variant: "a", seed }),
        ...noisy(12, { deliveryRate: second }, { variant: "b", seed: seed + 1 }),
      ]);
    const [mean] = compareRecords(cells(1, 1, 1), cells(2, 8, 9)).means;
    expect(mean).toMatchObject({ name: "throughput", cells: 2 });
    expect(mean.ratio).toBeCloseTo(4, 0);
    expect(mean.interval!.low).toBeWithin(3.7, mean.ratio);
  });

  test("cells of one side only are named", () => {
    const more = { ...like({}), samples: [...like({}).samples, sampleOf({ variant: "tcp 10 open" })] };
    expect(compareRecords(old, more).onlyNew).toEqual(["fanout tcp 10 open"]);
    expect(compareRecords(more, old).onlyOld).toEqual(["fanout tcp 10 open"]);
  });
});
