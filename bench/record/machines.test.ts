/** A record of fleets on several machines says so wherever it is shown, and compares only with its like. */
import { expect, test } from "bun:test";
import { unlikeEnvironments } from "../compare/likeness.ts";
import { recordOf, sampleOf } from "../compare/testing.ts";
import { setup } from "../report/setup.ts";
import { renderRun } from "../terminal/summary.ts";
import { clockNotes, machineWords } from "./machines.ts";
import type { RunRecord } from "./record.ts";

const local = recordOf("local", [sampleOf()]);
const { environment } = local;
const machines: RunRecord["machines"] = [
  { name: "left", fleets: 4, beside: false, environment: { ...environment, cores: 4, cpu: "a" } },
  { name: "right", fleets: 1, beside: true, environment: { ...environment, cores: 2, cpu: "b" } },
];
const spread = recordOf("spread", [sampleOf()], { machines });
const words = ["left: 4 fleets on 4 × a", "right: 1 fleet on 2 × b, beside the server"];

test("the machines are named in the terminal and in the report", () => {
  expect(machineWords(spread)).toEqual(words);
  expect(renderRun(spread, "path")).toContain(`1 sample over 2 machines (${words.join("; ")})`);
  const source = { record: spread, groups: [] } as unknown as Parameters<typeof setup.render>[0];
  expect(setup.render(source)?.markup).toContain(words.join("; "));
  expect(renderRun(local, "path")).not.toContain("machines");
});

test("a run over other machines is none to compare with", () => {
  expect(unlikeEnvironments(spread, spread)).toEqual([]);
  expect(unlikeEnvironments(spread, local).map(({ field }) => field)).toEqual(["machines of the fleets"]);
});

test("how far latencies between machines may be wrong is said for each cell that has such", () => {
  const sample = (clockBound: number) =>
    sampleOf({
      metrics: { clockBound, "near.p50": 2e6 },
      counts: { negative: 1 },
    });
  expect(clockNotes([sample(10_000), sample(30_000)])).toEqual([
    "fanout tcp 100 closed bun: latencies between machines are ± 20 µs; within one machine p50 2 ms; 2 came out below 0",
  ]);
  expect(clockNotes([sampleOf()])).toEqual([]);
  expect(renderRun(recordOf("one", [sample(1000)]), "path")).toContain(
    "latencies between machines are ± 1 µs",
  );
});
