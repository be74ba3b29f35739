/** One server in rounds beside the yardstick, on real sockets: every kind of it is right, and two runs compare by it. */
import { describe, expect, test } from "bun:test";
import { ownProgram } from "../../platform/own.ts";
import { protocolOf } from "../../protocols/index.ts";
import { yardstickHash } from "../../servers/yardstick/frozen.ts";
import { implementation, program } from "../../targets/programs.ts";
import type { ServerSource } from "../../targets/server.ts";
import { compareRecords } from "../compare/compare.ts";
import { type RunRecord, recordSchema } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import { byYardstick } from "../record/yardstick.ts";
import { roomCell } from "../scenarios/fanout.ts";
import type { Cell } from "../scenarios/scenario.ts";
import { sumCell } from "../scenarios/sum.ts";
import { apartOf } from "./apart.ts";
import { chooseCells } from "./choose.ts";
import { run } from "./run.ts";

const TIMEOUT_MS = 60_000;
const options = { quick: true, seed: 1, exhaustive: false };
const room = (protocol: string, loop: "open" | "closed") => roomCell(protocol, 10, loop, options);

async function runOf(cells: Cell[], source: ServerSource, samples = 1): Promise<RunRecord> {
  const wanted = { samples, maxSamples: samples };
  const { record, failure } = await run({
    cells,
    sources: [source],
    ...wanted,
    apart: { ...wanted, duration: 0.15, warmup: 0.12 },
    command: ["bench"],
    interrupted: new Promise(() => {}),
  });
  if (failure) throw failure;
  return recordSchema.parse(record);
}

describe("as many rounds as fit", () => {
  const cellsOf = (names: string[], request = {}) =>
    chooseCells(names, { ...options, quick: false, servers: ["bun"], ...request });
  const asked = (cells: Cell[], more = {}) => apartOf(cells, { quick: false, ...more });

  test("into the default run: two at least of each cell, one of those beside a fuller measurement", () => {
    expect(asked(cellsOf([]))).toMatchObject({ samples: 3, secondarySamples: 1 });
    const quick = cellsOf([], { quick: true });
    expect(asked(quick, { quick: true })).toMatchObject({ samples: 2, secondarySamples: 1 });
    expect(quick.map(({ variant }) => variant)).not.toContain("chat/json 200 closed");
  });

  test("which has fewer cells than a run of one scenario, so that there are more rounds of each", () => {
    const names = (cells: Cell[]) =>
      cells.flatMap(({ blocks, variant, secondary }) =>
        blocks ? [secondary ? `${variant} once` : variant] : [],
      );
    const overview = names(cellsOf([]));
    expect(overview).toContain("chat/bracket 100 open");
    expect(overview).toContain("chat/bracket 1000 open once");
    expect(names(cellsOf(["fanout"]))).toContain("chat/bracket 1000 open");
    expect(overview).not.toContain("chat/bracket 1000 closed");
    expect(names(cellsOf(["fanout"]))).toContain("chat/bracket 1000 closed");
    expect(overview).not.toContain("relay 1000 open");
    expect(overview).not.toContain("sum/ws 50 depth 1");
    expect(names(cellsOf(["sum"]))).toContain("sum/ws 50 depth 1");
    expect(names(cellsOf([], { transport: "udp" }))).toContain("relay 1000 closed");
  });

  test("into one of a single cell: many, but not without end", () => {
    const one = cellsOf(["fanout"], { protocol: "chat/bracket", connections: 10, loop: "closed" });
    expect(asked(one).samples).toBe(16);
    expect(asked(one, { quick: true }).samples).toBe(4);
  });

  test("unless it is said how many", () => {
    expect(asked(cellsOf([]), { samples: 5 })).toMatchObject({ samples: 5, maxSamples: 11 });
    expect(asked(cellsOf([]), { samples: 5 }).secondarySamples).toBeUndefined();
  });

  test("every room and every kind of request is measured so, and nothing else", () => {
    const scenarios = new Set(cellsOf([]).flatMap(({ blocks, scenario }) => (blocks ? [scenario] : [])));
    expect([...scenarios]).toEqual(["fanout", "sum"]);
  });
});

describe.each([
  ["chat/bracket", room("chat/bracket", "closed"), "deliveryRate"],
  ["chat/json", room("chat/json", "closed"), "serverCpuPerDelivery"],
  ["relay", room("relay", "open"), "delivery.p50"],
  ["chat/ws", room("chat/ws", "open"), "last.p50"],
  ["sum/tcp", sumCell("sum/tcp", { loop: "closed", depth: 4 }, options), "requestRate"],
  ["sum/udp", sumCell("sum/udp", { loop: "closed", depth: 4 }, options), "roundTrip.p50"],
  ["sum/ws", sumCell("sum/ws", { loop: "open", rate: 5000 }, options), "serverCpuPerRequest"],
])("the yardstick beside a server of %s", (protocol, cell, metric) => {
  test(
    "is right, and has what the server has, in the same blocks",
    async () => {
      const record = await runOf([cell], implementation("bun"));
      const [[sample], [beside]] = [record.samples, record.yardstick?.samples ?? []];
      expect([sample.wrong, beside.wrong]).toEqual([[], []]);
      expect(record.samples.map(({ server }) => server)).toEqual(["bun"]);
      expect(beside.target).toStartWith(`${protocolOf(protocol).transport}://`);
      expect(record.yardstick?.sha256).toBe(yardstickHash());
      expect(beside.slices?.[metric]).toHaveLength(5);
      if (isValid(sample)) expect(byYardstick(record, sample, metric)).toHaveLength(1);
    },
    TIMEOUT_MS,
  );
});

/** Says it is slower than it is: a twin that burns as much CPU time again. */
const burning = program("bun", () => ({
  command: ownProgram("servers/mutants/chat-slow.ts", "--extra", "100"),
}));

test(
  "a server that takes twice the CPU does so by the yardstick, in two runs one after the other",
  async () => {
    const cells = [room("chat/bracket", "closed")];
    const [old, now] = [await runOf(cells, implementation("bun"), 3), await runOf(cells, burning, 3)];
    const compared = compareRecords(old, now);
    expect(compared.yardstick).toBe(yardstickHash());
    const row = compared.cells[0].rows.find(({ metric }) => metric === "serverCpuPerDelivery");
    expect(row?.tested).toBe(true);
    expect(row?.change?.estimate).toBeGreaterThan(1.3);
    expect(row?.change?.estimate).toBeLessThan(3);
  },
  TIMEOUT_MS,
);

test(
  "a cell without blocks is measured by samples, beside those in rounds",
  async () => {
    const once: Cell = {
      ...room("chat/bracket", "closed"),
      variant: "without blocks",
      run: async () => ({
        counts: {},
        metrics: { deliveryRate: 1 },
        histograms: {},
        witnesses: [],
        wrong: [],
      }),
    };
    const { blocks: _, ...bare } = once;
    const { samples, yardstick } = await runOf([bare, room("chat/bracket", "closed")], implementation("bun"));
    expect(samples.map(({ round }) => round)).toEqual([undefined, 0]);
    expect(yardstick?.samples).toHaveLength(1);
  },
  TIMEOUT_MS,
);
