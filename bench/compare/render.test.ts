import { describe, expect, test } from "bun:test";
import { compareRecords, compareServers } from "./compare.ts";
import { historyOf, renderHistory } from "./history.ts";
import { renderMarkdown, renderText } from "./render.ts";
import { noisy, recordOf } from "./testing.ts";
import { sentence, withInterval } from "./words.ts";

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

describe("the sentence at the end", () => {
  test("says by how much, with the interval, where, and by what", () => {
    expect(sentence(compareRecords(old, slower))).toMatch(
      /^new is 1\d % \(\d+–1\d %\) slower in fanout tcp 100 closed by server CPU per delivery; nothing else changed that these samples can show\.$/,
    );
  });

  test("says that nothing is shown, and how small a change would have been", () => {
    expect(sentence(compareRecords(old, same))).toBe(
      "No difference between old and new is shown, and these samples would show one of 5 %.",
    );
  });

  test("says of how many figures the samples say nothing, and how many it would take", () => {
    const few = (record: typeof old) => ({ ...record, samples: record.samples.slice(0, 3) });
    expect(sentence(compareRecords(few(old), few(same)))).toMatch(
      /^No difference .* is shown; 2 of 2 figures need more samples to tell, the noisiest ≥ 6 samples per side \(--samples 6\)\.$/,
    );
  });

  test("joins the figures of one cell, slower before faster", () => {
    const both = recordOf(
      "D",
      noisy(12, { ...figures, deliveryRate: 5e5, serverCpuPerDelivery: 500 }, { seed: 4 }),
    );
    expect(sentence(compareRecords(old, both))).toMatch(
      /^new is 50 % .* slower in .*, 50 % .* faster in .*;/,
    );
  });
});

describe("text", () => {
  test("has what is newly wrong before any figure, and the sentence last", () => {
    const text = renderText(compareRecords(old, wrong));
    expect(text.indexOf("NEWLY WRONG: fanout tcp 100 closed: lost")).toBeWithin(
      0,
      text.indexOf("deliveries"),
    );
    expect(text.trimEnd().split("\n").pop()).toStartWith("new is wrong where old was right");
  });

  test("shows medians, change, p, samples and verdict of the tested figures, all others on demand", () => {
    const comparison = compareRecords(old, slower);
    const line = renderText(comparison)
      .split("\n")
      .find((text) => text.includes("server CPU per delivery"));
    expect(line).toMatch(/µs|ns/);
    expect(line).toMatch(/× 1\.1\d\d \(1\.\d+–1\.\d+\) +<0\.0001 +12 12 +slower$/);
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
  expect(lines[0]).toMatch(/^\*\*new is .*\*\*$/);
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

  test("knows only metrics that there are", () => {
    expect(() => historyOf(records, "speed")).toThrow('unknown metric "speed"');
  });
});
