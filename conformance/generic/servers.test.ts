/** What follows from a definition holds for right servers: ours, of every protocol that has a room or requests. */
import { expect, test } from "bun:test";
import { allProtocols } from "../../protocols/index.ts";
import { implementation } from "../../targets/programs.ts";
import { deviates } from "../case.ts";
import { runCases } from "../runner.ts";
import { casesOf, serves } from "./suite.ts";

const TEST_MS = 120_000;

const ours = implementation("bun");

for (const protocol of allProtocols().filter(({ room, requests }) => room ?? requests)) {
  if ((await ours.missing?.(protocol.name)) !== undefined) continue;
  test.concurrent(
    `our server of ${protocol.name} is right`,
    async () => {
      const results = await runCases(casesOf(protocol, "generic"), {
        judged: { source: ours, speaks: protocol.name },
        health: serves(protocol),
        workers: 2,
        timeout: 2000,
      });
      expect(results.filter(deviates).map(({ id, expected, actual }) => ({ id, expected, actual }))).toEqual(
        [],
      );
      expect(results.filter(({ verdict }) => verdict === "pass").length).toBeGreaterThan(5);
    },
    TEST_MS,
  );
}
