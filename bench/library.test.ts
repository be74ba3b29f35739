/** Several servers by the library: in rounds, as the command line compares them. */
import { expect, test } from "bun:test";
import { type BenchRequest, bench, compareServers, sentence } from "../index.ts";

const request: BenchRequest = {
  ...{ protocol: "sum/tcp", loop: "closed", connections: 4, window: 4, servers: ["bun", "node"] },
  ...{ duration: 0.2, warmup: 0.1, fleets: 1 },
};

test("rounds of both are in the record, and the comparison of it says what they show", async () => {
  const record = await bench("sum", { ...request, rounds: 3 });
  expect(record.samples.map(({ server, round }) => `${server} ${round}`)).toEqual(
    [0, 1, 2].flatMap((round) => [`bun ${round}`, `node ${round}`]),
  );
  expect(record.samples.flatMap(({ wrong }) => wrong)).toEqual([]);
  const comparison = compareServers(record, "bun", "node", { threshold: 0.1 });
  expect(comparison.threshold).toBe(0.1);
  const [{ rows }] = comparison.cells;
  expect(rows.find(({ metric }) => metric === "serverCpuPerRequest")?.rounds).toBe(3);
  expect(sentence(comparison)).toMatch(/\.$/);
}, 60_000);

test.each([
  [{ budget: 0.1 }, "--budget 0.1: a comparison takes 2 rounds at least"],
  [{ budget: 9, rounds: 3 }, "--budget and --samples do not go together"],
  [{ budget: 9, servers: ["bun"] }, "--budget is of comparisons, and there is one server alone"],
  [{ servers: ["bun", "unbatched"] }, "--protocol sum/tcp: there is no unbatched server for sum/tcp"],
])("%j is refused", async (parts, words) => {
  const asked = bench("sum", { ...request, ...parts });
  await expect(asked).rejects.toThrow(words);
  await expect(asked).rejects.toMatchObject({ exitCode: 2 });
});
