/**
 * Somebody else's metric and scenario, made here alone: they reach the record, the table, the comparison, the history
 * and the report without an edit anywhere else.
 */
import { expect, test } from "bun:test";
import { inProcess } from "../targets/in-process.ts";
import type { ServerSource } from "../targets/server.ts";
import { compareServers } from "./compare/compare.ts";
import { historyOf, renderHistory } from "./compare/history.ts";
import { renderText } from "./compare/render.ts";
import { metrics as builtIn, type Metric, metricTable } from "./record/metrics.ts";
import { type RunRecord, recordSchema } from "./record/record.ts";
import { renderReport } from "./report/page.ts";
import { run } from "./run/run.ts";
import { count } from "./scenarios/columns.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { renderRun } from "./terminal/summary.ts";

const appetite: Metric = {
  key: "appetite",
  label: "memory eaten per joke",
  heading: "eaten",
  unit: "bytes",
  better: "lower",
  class: "memory",
  shown: "tested",
};
const metrics = metricTable([...builtIn.values(), appetite]);

const HUNGRY = 2;

/** Values in place of a server: what a sample finds depends on the target's port, and a little on its tag. */
const jokes: Scenario = {
  name: "jokes",
  summary: "jokes told to a server, and what they cost",
  fits: ({ name }) => name === "echo",
  tables: [
    { title: "jokes", columns: ["appetite", count("told"), { heading: "mood", value: () => "good" }] },
  ],
  cells: () => [
    {
      scenario: "jokes",
      variant: "echo 10",
      protocol: "echo",
      parameters: { protocol: "echo", connections: 10 },
      repeats: true,
      run: async ({ target, tag }) => ({
        counts: { told: 10 },
        metrics: { appetite: (target.endsWith(`:${HUNGRY}`) ? 4096 : 2048) + (tag % 7) },
        histograms: {},
        witnesses: [],
        wrong: [],
      }),
    },
  ],
};

/** A server that is nothing but its address. */
const source = (name: string, port: number): ServerSource =>
  inProcess(
    {
      summary: name,
      protocol: () => "echo",
      port: () => port,
      start: () => ({ url: `tcp://127.0.0.1:${port}`, stop() {} }),
    },
    [],
  );

async function record(): Promise<RunRecord> {
  const { record, failure } = await run({
    cells: jokes.cells({ quick: true, seed: 1, exhaustive: false }),
    sources: [source("calm", 1), source("hungry", HUNGRY)],
    samples: 8,
    maxSamples: 8,
    fleets: 1,
    command: ["bench", "jokes"],
    interrupted: new Promise(() => {}),
  });
  if (failure) throw failure;
  return recordSchema.parse(JSON.parse(JSON.stringify(record)));
}

test("a metric and a scenario of one's own are measured, shown, compared and reported", async () => {
  const made = await record();
  expect(made.samples.length).toBe(16);
  // A B, B A: what drifts steadily falls on both alike.
  expect(made.samples.slice(0, 4).map(({ server }) => server)).toEqual(["calm", "hungry", "hungry", "calm"]);

  const shown = renderRun(made, "here", { scenarios: [jokes], metrics });
  expect(shown).toMatch(
    /^jokes +valid +eaten +told +mood\n(echo 10\n) {2}calm +8\/8 +2(\.\d\d)? KiB +80 +good\n/m,
  );
  expect(shown).toContain("hungry is 100 % ");
  expect(shown).toContain("worse in jokes echo 10 by memory eaten per joke");

  const comparison = compareServers(made, "calm", "hungry", { metrics });
  const [{ rows }] = comparison.cells;
  expect(rows).toMatchObject([{ metric: "appetite", class: "memory", tested: true, verdict: "slower" }]);
  expect(renderText(comparison)).toMatch(/memory eaten per joke .*KiB.* × \d\.\d+ .* worse$/m);

  const lines = historyOf([made], "appetite", metrics);
  expect(renderHistory(lines, "appetite", metrics)).toStartWith("memory eaten per joke, lower is better\n");

  const page = await renderReport([made], metrics);
  expect(page).toContain("jokes");
  expect(page).toContain("eaten");
  expect(page).toContain("memory eaten per joke");
});

test("without its description the same record is read, and what is unknown is not compared", async () => {
  const made = await record();
  expect(compareServers(made, "calm", "hungry").tests).toBe(0);
  expect(await renderReport([made])).not.toContain("memory eaten");
});
