/** Servers that are compared and do something while they are not driven, on real sockets. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { command } from "../../targets/commands.ts";
import { sampleOf } from "../compare/testing.ts";
import type { RunRecord } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import { sumCell } from "../scenarios/sum.ts";
import { warnOfBusy } from "./idle.ts";
import { run } from "./run.ts";

const folder = mkdtempSync(`${tmpdir()}/sockbench-idle-`);
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(
  `${folder}/sums.ts`,
  `Bun.listen<{ text: string }>({ hostname: "127.0.0.1", port: Number(process.argv[2]), socket: {
    open(socket) { socket.data = { text: "" }; },
    data(socket, bytes) {
      const parts = (socket.data.text + bytes).split("}");
      socket.data.text = parts.pop()!;
      for (const part of parts) {
        const [a, b] = part.match(/-?\\d+/g)!.map(BigInt);
        socket.write('{"Sum":' + (a + b) + "}\\n");
      }
    },
  } });
  const spin = () => setImmediate(spin);
  if (process.argv[3]) spin();`,
);
const sums = (name: string, spins = "") =>
  command(name, `'${process.execPath}' '${folder}/sums.ts' {port} ${spins}`);

const options = { quick: true, seed: 1, exhaustive: false, connections: 4 };
const cell = sumCell("sum/tcp", { loop: "closed", depth: 4 }, options);

/** A round of two servers. */
async function round(...sources: ReturnType<typeof sums>[]): Promise<RunRecord> {
  const { record, failure } = await run({
    ...{ cells: [cell], sources, samples: 1, maxSamples: 1, fleets: 1, command: [] },
    comparison: { rounds: 1, budgetMs: 0, settled: () => false, duration: 0.3, warmup: 0.1 },
    interrupted: new Promise(() => {}),
  });
  if (failure) throw failure;
  return record;
}

test("beside a server that spins while it is not driven no sample counts, and the record says who it was", async () => {
  const { samples, warnings } = await round(sums("still"), sums("spinning", "spin"));
  const [still, spinning] = samples;
  expect(spinning.meters?.idle).toBeGreaterThan(0.15);
  expect(still.meters?.othersIdle).toBe(spinning.meters?.idle ?? null);
  expect(still.invalid.map(({ rule }) => rule)).toContain("busy neighbour");
  expect(spinning.invalid.map(({ rule }) => rule)).not.toContain("busy neighbour");
  expect(warnings.join()).toMatch(
    / spinning: the server was busy while it was not driven \(\d+ % of a CPU\)/,
  );
  expect(warnings.join()).not.toContain(" still: ");
}, 60_000);

test("two that sleep do not disturb each other", async () => {
  const { samples, warnings } = await round(sums("one"), sums("other"));
  for (const { meters } of samples) expect(meters?.idle).toBeLessThan(0.15);
  expect(samples.filter(isValid)).toHaveLength(2);
  expect(warnings.join()).not.toContain("% of a CPU), which");
}, 60_000);

test("a busy server is named once for each cell", () => {
  const meters = { elapsed: 1, serverCpu: 1, fleetCpu: [], serverMemory: null, stolen: null, clockStep: 0 };
  const busy = (server: string, idle: number | null) =>
    sampleOf({ server, meters: { ...meters, udpBufferDrops: null, tcpRetransmits: null, idle } });
  const record = { warnings: [] as string[] };
  for (let i = 0; i < 3; i++) warnOfBusy(record, [busy("a", 0.06), busy("b", 0.05), busy("c", null)]);
  expect(record.warnings).toEqual([
    "fanout tcp 100 closed a: the server was busy while it was not driven (6.0 % of a CPU), which the servers beside it lacked",
  ]);
});
