/** Tables as they are derived: what fits, what the marks mean, how servers stand beside each other. */
import { describe, expect, test } from "bun:test";
import { sampleOf } from "../compare/testing.ts";
import { metrics } from "../record/metrics.ts";
import { REFERENCE, type Sample } from "../record/record.ts";
import { lost } from "../scenarios/columns.ts";
import { scenarios } from "../scenarios/index.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { widthOf } from "./format.ts";
import { legend, tablesOf } from "./tables.ts";

/** The widest text that a value of each unit has. */
const widest = {
  ns: 12.34e6,
  "/s": 12_340,
  "bytes/s": 123 * 2 ** 20,
  bytes: 12.34 * 2 ** 20,
  share: 0.0123,
  count: 14_116,
};

/** A sample of each cell that a default run has, with figures as wide as they come. */
const wideSamples = (scenario: Scenario): Sample[] =>
  scenario
    .cells({ quick: false, seed: 1, exhaustive: false })
    .map(({ variant, protocol, parameters, reference }) =>
      sampleOf({
        ...{ scenario: scenario.name, variant, protocol, parameters },
        server: reference ? REFERENCE : "bun",
        counts: { expected: 10_000, lost: 123, churned: 14_000, asked: 1000, open: 1000, failed: 0 },
        // What a protocol file costs is said in a sentence, which is folded with all that is printed.
        metrics: Object.fromEntries(
          [...metrics.values()]
            .filter(({ key }) => key !== "parserPerUnit")
            .map(({ key, unit }) => [key, widest[unit]]),
        ),
      }),
    );

test.each(scenarios.filter(({ tables }) => tables).map((scenario) => [scenario.name, scenario] as const))(
  "the tables of %s fit into 80 characters, and have more columns where there is room",
  (_, scenario) => {
    const samples = wideSamples(scenario);
    const narrow = tablesOf(scenario, samples, metrics, 80);
    expect(Math.max(...narrow.map(widthOf))).toBeLessThanOrEqual(80);
    const wide = tablesOf(scenario, samples, metrics);
    if (scenario.tables?.some(({ more }) => more))
      expect(wide.join("").length).toBeGreaterThan(narrow.join("").length);
  },
);

describe("a table", () => {
  const scenario = {
    tables: [{ title: "closed loop", columns: ["deliveryRate", "delivery.p99", lost] }],
  };
  const sample = (parts: Partial<Sample>) =>
    sampleOf({ variant: "room 10 closed", metrics: { deliveryRate: 1e6 }, ...parts });
  const lines = (samples: Sample[]) => tablesOf(scenario, samples, metrics)[0].split("\n");
  const invalid = [{ rule: "stolen CPU", value: 1, limit: 0.1, unit: "share", words: "" }];

  test("has a row for each cell, of the median of its valid samples", () => {
    const made = lines([
      sample({}),
      sample({ metrics: { deliveryRate: 3e6 } }),
      sample({ metrics: { deliveryRate: 9e9 }, invalid }),
      sample({ variant: "room 20 closed" }),
    ]);
    expect(made.slice(1)).toEqual([
      "room 10        2/3           2 M    –   0 %",
      "room 20        1/1           1 M    –   0 %",
    ]);
  });

  test("shows all samples where none is valid, and marks the row", () => {
    const [table] = tablesOf(scenario, [sample({ invalid })], metrics);
    expect(table).toContain("room 10 ?      0/1           1 M");
    expect(legend([table]).map((line) => line[0])).toEqual(["–", "?"]);
  });

  test("puts several servers below their variant, and a reference apart from them", () => {
    const made = lines([
      sample({}),
      sample({ server: "go" }),
      sample({ variant: "raw copy", server: REFERENCE }),
    ]);
    expect(made.slice(1).map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ["room 10"],
      ["", "bun", "1/1"],
      ["", "go", "1/1"],
      ["raw copy"],
      ["", "raw copy (reference)", "1/1"],
    ]);
    expect(lines([sample({}), sample({ server: REFERENCE })])[1]).toStartWith("room 10  ");
  });

  test("says nothing of marks that it has not", () => {
    expect(legend(["a  1\nb  2"])).toEqual([]);
  });
});
