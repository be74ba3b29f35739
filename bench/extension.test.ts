/**
 * Somebody else's metric, scenario and protocol, made here alone: they reach the record, the table, the comparison, the
 * history and the report without an edit anywhere else.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolveProtocol } from "../clients/protocol-file.ts";
import { removeProtocol } from "../protocols/index.ts";
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
import { sum } from "./scenarios/sum.ts";
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
  expect(shown).toMatch(/^calm has 0\.[45]\d*× .* the memory eaten per joke of hungry\.\n/);

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

/** Whatever comes goes back in capitals: a protocol as a file of somebody's own, in a folder of its own. */
const SHOUT = `import { defineProtocol, lines } from "sockbench/protocol";
export default defineProtocol({
  name: "shout",
  port: 7,
  framing: lines(),
  request: { at: (place) => ({ text: "word " + place, ask: "word " + place, answer: "WORD " + place }) },
});`;

/** Speaks it, and gets every `wrongEvery`th reply wrong. */
const shouter = (name: string, wrongEvery = Number.POSITIVE_INFINITY): ServerSource =>
  inProcess(
    {
      summary: name,
      protocol: () => "shout",
      port: () => 7,
      start({ host }) {
        let replies = 0;
        const reply = (line: string) => (++replies % wrongEvery === 0 ? "WHAT?" : line.toUpperCase());
        const server = Bun.listen<{ rest: string }>({
          hostname: host,
          port: 0,
          socket: {
            open(socket) {
              socket.data = { rest: "" };
            },
            data(socket, bytes) {
              const lines = (socket.data.rest + bytes.toString()).split("\n");
              socket.data.rest = lines.pop() ?? "";
              socket.write(lines.map((line) => `${reply(line)}\n`).join(""));
            },
          },
        });
        return { url: `tcp://${host}:${server.port}`, stop: () => server.stop(true) };
      },
    },
    [],
  );

test("a protocol of one's own, in a file, is measured and checked, shown, compared and reported", async () => {
  const folder = mkdtempSync(`${tmpdir()}/sockbench-extension-`);
  await Bun.write(`${folder}/shout.ts`, SHOUT);
  await resolveProtocol(`${folder}/shout.ts`);
  try {
    const options = { quick: true, seed: 1, exhaustive: false, duration: 0.3, warmup: 0.1 };
    // There is no server of ours for it, which would end every run that names no protocol.
    expect(sum.cells(options).map(({ protocol }) => protocol)).not.toContain("shout");
    const { record, failure } = await run({
      cells: sum.cells({ ...options, protocol: "shout", loop: "closed", connections: 4, window: 4 }),
      sources: [shouter("right"), shouter("wrong", 100)],
      samples: 1,
      maxSamples: 1,
      fleets: 1,
      command: ["bench", "sum"],
      interrupted: new Promise(() => {}),
    });
    expect(failure).toBeUndefined();
    const made = recordSchema.parse(JSON.parse(JSON.stringify(record)));
    const [right, wrong] = made.samples;
    expect(right).toMatchObject({ server: "right", protocol: "shout", wrong: [] });
    expect(right.counts.replies).toBeGreaterThan(100);
    expect(wrong.wrong.map(({ kind }) => kind)).toEqual(["wrong"]);
    expect(wrong.witnesses[0].text).toContain("WHAT?");
    expect(renderRun(made, "here")).toMatch(/shout 4 depth 4\n {2}right /);
    expect(compareServers(made, "right", "wrong").faults).toMatchObject([{ kind: "wrong", change: "new" }]);
    expect(await renderReport([made])).toContain("shout");
  } finally {
    removeProtocol("shout");
    rmSync(folder, { recursive: true, force: true });
  }
}, 30_000);
