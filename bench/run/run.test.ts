/** Which sample is taken next: servers and fleets are values here, nothing is started and nothing measured. */
import { expect, test } from "bun:test";
import type { ServerSource } from "../../targets/server.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { fixture } from "../report/fixture.ts";
import type { Cell } from "../scenarios/scenario.ts";
import { type RunOptions, takeSamples } from "./run.ts";
import type { Pair, SampleOptions } from "./session.ts";

const source = (name: string): ServerSource => ({
  name,
  kind: "program",
  start: () => Promise.reject(new Error("nothing is started")),
});

const cell = (variant: string, parts: Partial<Cell> = {}): Cell => ({
  scenario: "made",
  variant,
  protocol: "echo",
  parameters: {},
  repeats: true,
  run: () => Promise.reject(new Error("nothing is measured")),
  ...parts,
});

const [like] = fixture().samples;
type Judge = (name: string, nth: number) => "valid" | "invalid" | "missing";

/** Takes samples that are judged by how often their pair was taken before; tells the order of them, and the record. */
async function taken(
  cells: Cell[],
  names: string[],
  options: Partial<RunOptions> = {},
  judge: Judge = () => "valid",
) {
  const record: RunRecord = { ...fixture(), samples: [], warnings: [] };
  const order: string[] = [];
  const asked: boolean[] = [];
  const events: [done: number, planned: number][] = [];
  await takeSamples(
    {
      record,
      async sample({ cell, source }: Pair, { skipMissing }: SampleOptions) {
        const name = `${cell.variant}${source.name}`;
        const verdict = judge(name, order.filter((one) => one === name).length);
        order.push(name);
        asked.push(skipMissing);
        if (verdict === "missing") return undefined;
        const rule = { rule: "pacer lag", value: 2, limit: 1, unit: "ms", words: "late" };
        const sample: Sample = {
          ...like,
          scenario: cell.scenario,
          variant: cell.variant,
          server: source.name,
          invalid: verdict === "valid" ? [] : [rule],
        };
        record.samples.push(sample);
        return sample;
      },
    },
    {
      cells,
      sources: names.map(source),
      samples: 2,
      maxSamples: 5,
      onProgress: ({ done, planned, sample }) => sample ?? events.push([done, planned]),
      ...options,
    },
  );
  return { order: order.join(" "), warnings: record.warnings, asked, events };
}

test("servers take turns, A B and then B A, so that what drifts falls on both", async () => {
  const { order, warnings } = await taken([cell("x"), cell("y")], ["A", "B"], { samples: 3 });
  expect(order).toBe("xA xB yA yB yB yA xB xA xA xB yA yB");
  expect(warnings).toEqual([]);
});

test("an invalid sample is taken again in the next round, by that pair alone", async () => {
  const { order, warnings, events } = await taken([cell("x")], ["A", "B"], {}, (name, nth) =>
    name === "xB" && nth === 0 ? "invalid" : "valid",
  );
  expect(order).toBe("xA xB xB xA xB");
  expect(warnings).toEqual([]);
  expect(events).toEqual([
    [0, 4],
    [1, 4],
    [2, 5],
    [3, 5],
    [4, 5],
  ]);
});

test("no pair is taken more often than it may be, and a warning says what was missed", async () => {
  const { order, warnings } = await taken([cell("x")], ["A", "B"], { maxSamples: 3 }, (name, nth) =>
    name === "xA" && nth > 0 ? "invalid" : "valid",
  );
  expect(order).toBe("xA xB xB xA xA");
  expect(warnings).toEqual(["made x A: 1 valid of 3 taken, 2 wanted (pacer lag 2×)"]);
});

test("a cell that does not repeat is run once, valid or not", async () => {
  const once = cell("o", { repeats: false });
  const { order, warnings } = await taken([once, cell("x")], ["A"], {}, (name) =>
    name === "oA" ? "invalid" : "valid",
  );
  expect(order).toBe("oA xA xA");
  expect(warnings).toEqual(["made o A: 0 valid of 1 taken, 1 wanted (pacer lag 1×)"]);
});

test("secondary cells get as many samples as are asked for them", async () => {
  const cells = [cell("x"), cell("s", { secondary: true })];
  expect((await taken(cells, ["A"], { secondarySamples: 1 })).order).toBe("xA sA xA");
  expect((await taken(cells, ["A"])).order).toBe("xA sA sA xA");
});

test("a reference is measured once for all servers", async () => {
  const cells = [cell("x"), cell("r", { reference: source("R") })];
  expect((await taken(cells, ["A", "B"])).order).toBe("xA xB rR rR xB xA");
});

test("a server that is skipped is not asked again, and no sample of it is missed", async () => {
  const { order, warnings, asked } = await taken([cell("x")], ["A", "B"], { skipMissing: true }, (name) =>
    name === "xA" ? "missing" : "valid",
  );
  expect(order).toBe("xA xB xB");
  expect(warnings).toEqual([]);
  expect(asked).toEqual([true, true, true]);
});

test("unless told otherwise, a server that fails to start ends the run", async () => {
  expect((await taken([cell("x")], ["A", "B"])).asked).not.toContain(true);
});
