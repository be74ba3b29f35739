import { expect, test } from "bun:test";
import { compareServers } from "../compare/compare.ts";
import { recordOf, sampleOf } from "../compare/testing.ts";
import type { Sample } from "../record/record.ts";
import { isGeneratorLimited } from "../record/saturation.ts";
import { renderRun } from "../terminal/summary.ts";

const meters = (serverCpu: number | null, ...fleetCpu: number[]): Sample["meters"] => ({
  elapsed: 1e9,
  serverCpu,
  fleetCpu,
  serverMemory: null,
  stolen: 0,
  clockStep: 0,
  udpBufferDrops: null,
  tcpRetransmits: null,
});

const closed = (parts: Partial<Sample>) =>
  sampleOf({
    variant: "chat/bracket 200 closed",
    parameters: { loop: "closed" },
    counts: { delivered: 100, expected: 100 },
    metrics: { deliveryRate: 7.1e6, serverCpuPerDelivery: 50 },
    ...parts,
  });

test.each([
  ["the fleet is full and the server is not", meters(0.4e9, 0.99e9), true],
  ["one of several fleets is full", meters(0.4e9, 0.5e9, 0.99e9), true],
  ["the fleet is full and of the server nothing is known", meters(null, 0.99e9), true],
  ["the server is full", meters(0.97e9, 0.99e9), false],
  ["the fleet has time left", meters(0.4e9, 0.6e9), false],
] as const)("when %s, a rate is a lower bound: %p → %p", (_, meters, limited) => {
  const sample = closed({ meters });
  expect(isGeneratorLimited(sample)).toBe(limited);
  expect(renderRun(recordOf("a", [sample]), "").includes("≥ 7.10 M")).toBe(limited);
});

test("an open loop's fleet turns while it waits: that is no limit", () => {
  expect(isGeneratorLimited(closed({ meters: meters(0, 1e9), parameters: { loop: "open" } }))).toBe(false);
});

test("the table says how full both sides were, and that the rate is a bound", () => {
  const record = recordOf("a", [closed({ meters: meters(0.39e9, 0.99e9) })]);
  expect(renderRun(record, "")).toMatch(/1\/1 +≥ 7\.10 M +50 ns +39 % +99 %/);
});

test("rates that are bounds are not compared; what a delivery costs the server is", () => {
  const samples = ["a", "b"].flatMap((server) =>
    Array.from({ length: 8 }, (_, i) =>
      closed({
        server,
        meters: meters(0.4e9, 0.99e9),
        metrics: { deliveryRate: 7e6 + i, serverCpuPerDelivery: server === "a" ? 50 + i / 10 : 100 + i / 10 },
      }),
    ),
  );
  const { cells, notes } = compareServers(recordOf("a", samples), "a", "b");
  const verdictOf = (name: string) => cells[0].rows.find(({ metric }) => metric === name)?.verdict;
  expect(verdictOf("deliveryRate")).toBeNull();
  expect(verdictOf("serverCpuPerDelivery")).toBe("slower");
  expect(notes.join()).toContain("lower bounds");
});

test("a row of which most is missing shows no rate", () => {
  const record = recordOf("a", [closed({ counts: { delivered: 10, expected: 100, lost: 90 } })]);
  expect(renderRun(record, "")).not.toContain("7.10 M");
});
