/** A search on real sockets, of what no machine can do: there is nothing to be said of the server then. */
import { expect, test } from "bun:test";
import { implementation } from "../../targets/programs.ts";
import { capacity } from "./capacity.ts";

test("an objective that this machine's own median misses cannot be judged, which is told after two samples", async () => {
  const told: string[] = [];
  const { record, failure } = await capacity({
    ...{ protocol: "sum/tcp", objective: "p99<1us", grow: "rate", command: [], fleets: 1 },
    source: implementation("bun"),
    bench: { quick: true, seed: 1, exhaustive: false, connections: 4, rate: 2000, warmup: 0.1, duration: 1 },
    onStep: (words) => told.push(words),
    interrupted: new Promise(() => {}),
  });
  expect(failure).toBeUndefined();
  expect(record.capacity).toMatchObject({ answer: null, limit: "none found" });
  expect(record.capacity?.unjudged).toMatch(/^p99<1us cannot be judged here: the machine's own p99 is \d/);
  expect(record.capacity?.steps.map(({ value, hidden }) => [value, hidden])).toEqual([
    [2000, true],
    [2000, true],
  ]);
  expect(told[0]).toMatch(/^rate 2,000: p99<1us: .*the machine's own p99: .*does not count/);
}, 60_000);
