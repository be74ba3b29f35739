/** A search that is ended before it has an answer keeps what its samples said. */
import { expect, test } from "bun:test";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { implementation } from "../../targets/programs.ts";
import { capacity } from "./capacity.ts";

test("the steps until then are in the record, with the reason in place of an answer", async () => {
  const interrupt = Promise.withResolvers<never>();
  interrupt.promise.catch(() => {});
  const { record, failure } = await capacity({
    ...{ protocol: "sum/tcp", objective: "p99<10s", grow: "rate", command: [], fleets: 1 },
    source: implementation("bun"),
    bench: { quick: true, seed: 1, exhaustive: false, connections: 4, rate: 2000, warmup: 0.1, duration: 1 },
    onStep: () => interrupt.reject(new Failure(exitCodes.untrusted, "the machine is too busy")),
    interrupted: interrupt.promise,
  });
  expect(failure?.exitCode).toBe(exitCodes.untrusted);
  expect(record.partial).toContain("the machine is too busy");
  expect(record.capacity).toMatchObject({ answer: null, server: "bun", objective: "p99<10s" });
  expect(record.capacity?.unjudged).toContain("the machine is too busy");
  expect(record.capacity?.steps.map(({ value }) => value)).toEqual([2000]);
}, 60_000);
