/** Two runs apart: what the machine did in between falls on the yardstick, too. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../platform/random.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { byYardstick } from "../record/yardstick.ts";
import { compareRecords } from "./compare.ts";
import type { FigureVerdict } from "./comparison.ts";
import { historyOf, renderHistory } from "./history.ts";
import { ratiosOf } from "./ratios.ts";
import { renderText } from "./render.ts";
import { recordOf, sampleOf } from "./testing.ts";

const BLOCKS = 5;
const KEY = "serverCpuPerDelivery";
const variants = Array.from({ length: 12 }, (_, i) => `room ${i} closed`);

/** A run at a time when everything took `mood` times as long; `slower` is by how much the server does more than before. */
function runOf(
  id: string,
  mood: number,
  slower = 1,
  { sha256 = "a".repeat(64), rounds = 2, seed = 1 } = {},
): RunRecord {
  const random = seededRandom(seed);
  const about = (value: number) => value * (1 + 0.06 * (random() - 0.5));
  const samples: Sample[] = [];
  const beside: Sample[] = [];
  for (const variant of variants)
    for (let round = 0; round < rounds; round++) {
      // What happens within a block falls on both.
      const moods = Array.from({ length: BLOCKS }, () => mood * (1 + random()));
      const sample = (server: string, cpu: number): Sample => {
        const values = moods.map((one) => about(cpu * one));
        return sampleOf({ variant, server, round, slices: { [KEY]: values }, metrics: { [KEY]: values[2] } });
      };
      samples.push(sample("bun", 50 * slower));
      beside.push(sample("yardstick", 60));
    }
  return recordOf(id, samples, { yardstick: { sha256, samples: beside } });
}

const bare = ({ yardstick: _, ...record }: RunRecord): RunRecord => record;
const verdicts = (old: RunRecord, now: RunRecord, threshold = 0.25) =>
  compareRecords(old, now, { threshold }).cells.flatMap(({ rows }) =>
    rows.flatMap(({ verdict }) => verdict ?? []),
  );
const all = (verdict: FigureVerdict) => variants.map(() => verdict);

describe("of two runs on a machine of other moods", () => {
  const old = runOf("a", 1);

  test("an equal server is the same by the yardstick, and raw it is not", () => {
    const now = runOf("b", 1.6, 1, { seed: 2 });
    expect(verdicts(old, now)).toEqual(all("same"));
    expect(verdicts(bare(old), bare(now))).not.toContain("same");
  });

  test("a slower one is found by the yardstick, which raw looks faster", () => {
    const now = runOf("b", 0.4, 1.3, { seed: 2 });
    expect(verdicts(old, now)).toEqual(all("slower"));
    expect(verdicts(bare(old), bare(now))).not.toContain("slower");
  });

  test("it is said, with the raw change beside", () => {
    const compared = compareRecords(old, runOf("b", 1.6, 1, { seed: 2 }));
    const [{ change, raw }] = compared.cells[0].rows;
    expect(change?.estimate).toBeCloseTo(1, 1);
    expect(raw).toBeGreaterThan(1.2);
    const text = renderText(compared);
    expect(text).toContain("Compared by the yardstick");
    expect(text).toMatch(/by the yardstick +raw/);
    expect(renderText(compareRecords(bare(old), bare(old)))).not.toContain("yardstick");
  });

  test("one round of a cell, without a spread of its own, is shown and not tested, and that is said", () => {
    const once = compareRecords(old, runOf("b", 1.6, 1.4, { rounds: 1, seed: 2 }));
    expect(once.tests).toBe(0);
    expect(once.cells[0].rows[0].change?.estimate).toBeCloseTo(1.4, 1);
    expect(once.notes.join(" ")).toContain(
      "One round alone was taken of fanout room 0 closed, fanout room 1",
    );
    expect(compareRecords(old, runOf("b", 1.6)).notes.join(" ")).not.toContain("One round");
  });

  test("tails are shown and not tested", () => {
    const tailed = (record: RunRecord): RunRecord => ({
      ...record,
      samples: record.samples.map((sample) => ({
        ...sample,
        metrics: { ...sample.metrics, "delivery.p99": 1e6 },
      })),
    });
    const [{ rows }] = compareRecords(tailed(old), tailed(runOf("b", 1, 1, { seed: 2 }))).cells;
    expect(rows.map(({ metric, tested }) => `${metric} ${tested}`)).toEqual([
      `${KEY} true`,
      "delivery.p99 false",
    ]);
  });
});

describe("yardsticks", () => {
  const old = runOf("a", 1);
  const other = runOf("b", 1, 1, { sha256: "b".repeat(64) });

  test("that are not the same are refused as unlike machines are", () => {
    expect(() => compareRecords(old, other)).toThrow(
      "they differ in yardstick (aaaaaaaaaaaa and bbbbbbbbbbbb); --force compares them all the same",
    );
  });

  test("with --force are compared raw, and it is said in what they differ", () => {
    const forced = compareRecords(old, other, { force: true });
    expect(forced.yardstick).toBeNull();
    expect(forced.unlike.map(({ field }) => field)).toEqual(["yardstick"]);
    expect(forced.cells[0].rows[0].raw).toBeUndefined();
  });

  test("that only one record has are none to compare by", () => {
    expect(compareRecords(bare(old), runOf("b", 1)).yardstick).toBeNull();
  });

  test("that were wrong in a round, or of a round that does not count, say nothing", () => {
    const [cell] = old.samples;
    expect(byYardstick(old, cell, KEY)).toHaveLength(2);
    const broken = structuredClone(old);
    broken.yardstick!.samples[0].wrong.push({ kind: "lost", count: 1, words: "" });
    expect(byYardstick(broken, cell, KEY)).toHaveLength(1);
    broken.samples[1].invalid.push({ rule: "", value: 1, limit: 0, unit: "", words: "" });
    expect(byYardstick(broken, cell, KEY)).toHaveLength(0);
    expect(byYardstick(old, cell, "delivery.p50")).toEqual([]);
  });
});

test("a record's own ratios have an interval, though each is of two rounds", () => {
  const ratios = ratiosOf(runOf("a", 3));
  expect(ratios.map(({ variant }) => variant)).toEqual(variants);
  for (const { ratio, interval, rounds } of ratios) {
    expect(rounds).toBe(2);
    expect(ratio).toBeGreaterThan(0.75);
    expect(ratio).toBeLessThan(0.92);
    expect(interval!.low).toBeLessThan(ratio);
    expect(interval!.high).toBeGreaterThan(ratio);
    expect(interval!.high / interval!.low).toBeLessThan(1.3);
  }
});

test("a history shows the ratio beside the median, and where another yardstick began", () => {
  const later = { startedAt: "2026-01-02T00:00:00.000Z" };
  const last = { startedAt: "2026-01-03T00:00:00.000Z" };
  const records = [
    runOf("a", 1),
    { ...runOf("b", 2, 1, { seed: 2 }), ...later },
    { ...runOf("c", 1, 1, { sha256: "c".repeat(64) }), ...last },
  ];
  const [line] = historyOf(records, KEY);
  for (const { toYardstick } of line.points) expect(toYardstick).toBeCloseTo(50 / 60, 1);
  expect(line.points.map(({ changed }) => changed)).toEqual([[], [], ["yardstick"]]);
  expect(renderHistory([line], KEY)).toMatch(/samples +yardstick/);
  const raw = historyOf(records.map(bare), KEY);
  expect(raw[0].points[0].toYardstick).toBeNull();
  expect(renderHistory(raw, KEY)).not.toContain("yardstick");
});
