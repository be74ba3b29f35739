import { describe, expect, test } from "bun:test";
import { withInterval } from "../record/units.ts";
import { compareRecords, compareServers } from "./compare.ts";
import { historyOf, renderHistory } from "./history.ts";
import { renderMarkdown, renderText } from "./render.ts";
import { noisy, recordOf } from "./testing.ts";
import { sentence } from "./words.ts";

const figures = { deliveryRate: 1e6, serverCpuPerDelivery: 1000, fleetCpuPerDelivery: 2000 };
const old = recordOf("A", noisy(12, figures, { seed: 1 }));
const slower = recordOf("B", noisy(12, { ...figures, serverCpuPerDelivery: 1120 }, { seed: 2 }));
const same = recordOf("C", noisy(12, figures, { seed: 3 }));

const wrong = {
  ...slower,
  samples: slower.samples.map((sample) => ({
    ...sample,
    wrong: [{ kind: "lost", count: 1, words: "did not arrive" }],
  })),
};

describe("the sentence", () => {
  test("says how many times, with the interval, where, and what it is", () => {
    expect(sentence(compareRecords(old, slower))).toMatch(
      /^new uses 1\.1\d× \(1\.\d+–1\.\d+\) the CPU of old for each delivery in fanout tcp 100 closed \(slower\); the same within ± 5 % in 1 of 2 figures\.$/,
    );
  });

  test("says that all is the same", () => {
    expect(sentence(compareRecords(old, same))).toBe(
      "new and old are the same within ± 5 % in all that is tested.",
    );
  });

  test("says between what an undecided change lies", () => {
    const few = (record: typeof old) => ({ ...record, samples: record.samples.slice(0, 3) });
    expect(sentence(compareRecords(few(old), few(same)))).toMatch(
      /^new and old are not told apart: undecided in 2 of 2 figures, the widest between × 0\.\d\d and × 1\.\d\d \(.* in fanout tcp 100 closed\)\.$/,
    );
  });

  test("joins the figures of one cell", () => {
    const both = recordOf(
      "D",
      noisy(12, { ...figures, deliveryRate: 5e5, serverCpuPerDelivery: 500 }, { seed: 4 }),
    );
    expect(sentence(compareRecords(old, both))).toMatch(
      /^new handles 0\.50× .* the deliveries per second of old, but uses 0\.50× .* of its CPU for each in .* \(slower and faster\)\.$/,
    );
  });
});

describe("text", () => {
  test("has the sentence first, and what is newly wrong before any figure", () => {
    const text = renderText(compareRecords(old, wrong));
    expect(text.indexOf("NEWLY WRONG: fanout tcp 100 closed: lost")).toBeWithin(0, text.indexOf("verified"));
    expect(text).toStartWith("new is wrong where old was right");
  });

  test("shows medians, change, samples and verdict of the tested figures, all others on demand", () => {
    const comparison = compareRecords(old, slower);
    const line = renderText(comparison)
      .split("\n")
      .find((text) => text.startsWith("  server CPU per delivery"));
    expect(line).toMatch(/µs|ns/);
    expect(line).toMatch(/× 1\.1\d\d \(1\.\d+–1\.\d+\) +12 12 +slower$/);
    expect(renderText(comparison)).not.toContain("fleet CPU");
    expect(renderText(comparison, { all: true })).toContain("fleet CPU");
  });

  test("says when records were made one after the other, and not of two servers of one", () => {
    expect(renderText(compareRecords(old, same))).toContain("one after the other");
    const both = recordOf("both", [
      ...old.samples,
      ...same.samples.map((sample) => ({ ...sample, server: "go" })),
    ]);
    expect(renderText(compareServers(both, "bun", "go"))).not.toContain("one after the other");
  });

  test("names what was overlooked by force", () => {
    const elsewhere = { ...same, environment: { ...same.environment, cores: 64 } };
    expect(renderText(compareRecords(old, elsewhere, { force: true }))).toContain(
      "compared by force: cores is 4 and 64",
    );
  });
});

test("Markdown has the sentence first, and a table that renders", () => {
  const lines = renderMarkdown(compareRecords(old, slower)).split("\n");
  expect(lines[0]).toMatch(/^\*\*new uses .*\*\*$/);
  const rows = lines.filter((line) => line.startsWith("|"));
  expect(new Set(rows.map((row) => row.split("|").length)).size).toBe(1);
  expect(rows.at(-1)).toContain("**slower**");
});

test("an interval names its unit once, unless there are two", () => {
  const write = (value: number) => (value < 1 ? `${value * 1000} ms` : `${value} s`);
  expect(withInterval(write, 2, { low: 1, high: 3 })).toBe("2 (1–3) s");
  expect(withInterval(write, 2, { low: 0.5, high: 3 })).toBe("2 s (500 ms – 3 s)");
  expect(withInterval(write, 2, null)).toBe("2 s");
});

describe("history", () => {
  const at = (startedAt: string, record: typeof old) => ({ ...record, startedAt });
  const records = [at("2026-02-02T00:00:00.000Z", slower), at("2026-01-01T00:00:00.000Z", old)];

  test("is one line a cell, in the order of time, with dates and values", () => {
    const [line] = historyOf(records, "serverCpuPerDelivery");
    expect(line.points.map(({ record }) => record)).toEqual(["A", "B"]);
    const text = renderHistory([line], "serverCpuPerDelivery");
    expect(text).toContain("\n▁█ 1.01 µs – 1.11 µs\n");
    expect(text).toMatch(/2026-01-01 00:00 +012345678 .* µs +12/);
  });

  test("says where the machine changed", () => {
    const moved = { ...records[0], environment: { ...slower.environment, cpu: "two" } };
    const [line] = historyOf([moved, records[1]], "serverCpuPerDelivery");
    expect(line.points.map(({ changed }) => changed)).toEqual([[], ["cpu"]]);
  });

  /** Records of one sample each, ten at one level and ten 12 % above it. */
  const stepping = Array.from({ length: 20 }, (_, i) =>
    recordOf(`${i}`, noisy(1, { serverCpuPerDelivery: i < 10 ? 1000 : 1120 }, { seed: i }), {
      startedAt: new Date(Date.UTC(2026, 0, 1 + i)).toISOString(),
      environment: { ...old.environment, git: { commit: `${i < 10 ? "a" : "b"}23456789abc`, clean: true } },
    }),
  );

  test("marks where a figure changed, in the line and in the list, also of one sample in each record", () => {
    const [line] = historyOf(stepping, "serverCpuPerDelivery");
    expect(line.changes).toMatchObject([{ at: 10, commits: ["a23456789", "b23456789"] }]);
    expect(line.changes[0].ratio).toBeCloseTo(1.12, 1);
    const text = renderHistory([line], "serverCpuPerDelivery");
    expect(text).toMatch(/\n\S{10}│\S{10} /);
    expect(text).toMatch(
      /2026-01-11 .*changed: .* → .* µs, × 1\.1\d\d \(slower\), commits a23456789\.\.b23456789/,
    );
    expect(text).toContain("1 change found");
  });

  test("takes a step from one machine to another for none of the server's", () => {
    const moved = stepping.map((record, i) =>
      i < 10 ? record : { ...record, environment: { ...record.environment, cpu: "two" } },
    );
    const [line] = historyOf(moved, "serverCpuPerDelivery");
    expect(line.points[10].changed).toEqual(["cpu"]);
    expect(line.changes).toEqual([]);
  });

  test("knows only metrics that there are", () => {
    expect(() => historyOf(records, "speed")).toThrow('unknown metric "speed"');
  });
});
