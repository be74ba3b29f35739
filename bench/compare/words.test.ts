/** What stands in the first line of an answer: of each kind of outcome, word by word. */
import { describe, expect, test } from "bun:test";
import type { Sample } from "../record/record.ts";
import { compareRecords, compareServers } from "./compare.ts";
import { normal, recordOf, sampleOf } from "./testing.ts";
import { sentence } from "./words.ts";

type Figures = Record<string, number>;

/** Twelve rounds of one server in one cell, with hardly any noise, or with 30 % of it. */
function rounds(server: string, metrics: Figures, parts: Partial<Sample> = {}, noise = 0.001): Sample[] {
  const next = normal(server.length);
  return Array.from({ length: 12 }, (_, round) =>
    sampleOf({
      server,
      round,
      ...parts,
      metrics: Object.fromEntries(
        Object.entries(metrics).map(([key, value]) => [key, value * Math.exp(noise * next())]),
      ),
    }),
  );
}

const faulty: Partial<Sample> = { wrong: [{ kind: "lost", count: 1, words: "did not arrive" }] };
const closed = { parameters: { loop: "closed" }, variant: "tcp 100 closed" };
const open = { parameters: { loop: "open" }, variant: "tcp 100 open" };
/** Numbers as `N`, so that a line holds its words. */
const worded = (text: string) => text.replace(/\d+(\.\d+)?/g, "N");

const servers = (...samples: Sample[][]) =>
  worded(sentence(compareServers(recordOf("r", samples.flat()), "go", "bun")));
const records = (old: Sample[], now: Sample[]) =>
  worded(sentence(compareRecords(recordOf("a", old), recordOf("b", now))));
const of = (name: string, deliveryRate: number, serverCpuPerDelivery: number, parts: Partial<Sample> = {}) =>
  rounds(name, { deliveryRate, serverCpuPerDelivery }, { ...closed, ...parts });
const latencies = (name: string, p50: number, p99: number, noise?: number) =>
  rounds(name, { "delivery.p50": p50, "delivery.p99": p99, serverCpuPerDelivery: 9 }, open, noise);
const variants = (name: string, rate: number, count: number) =>
  Array.from({ length: count }, (_, i) => of(name, rate, 9, { variant: `tcp ${i}` })).flat();

describe("two servers side by side", () => {
  test.each([
    [
      "the better one is spoken of, though it comes second",
      servers(of("go", 100, 9), of("bun", 690, 1)),
      "bun handles N× (N–N) the deliveries per second of go, and uses N× (N–N) of its CPU for each.",
    ],
    [
      "and though it comes first",
      servers(of("go", 690, 1), of("bun", 100, 9)),
      "go handles N× (N–N) the deliveries per second of bun, and uses N× (N–N) of its CPU for each.",
    ],
    [
      "what speaks against it follows a but",
      servers(of("go", 100, 1), of("bun", 690, 9)),
      "bun handles N× (N–N) the deliveries per second of go, but uses N× (N–N) of its CPU for each.",
    ],
    [
      "an open loop has latencies",
      servers(latencies("go", 100, 1000), latencies("bun", 50, 400)),
      "bun has N× (N–N) the delivery pN of go, and has N× (N–N) its delivery pN; the same within ± N % in N of N figures.",
    ],
    [
      "two cells are named",
      servers(variants("go", 100, 2), variants("bun", 200, 2)),
      "bun handles N× (N–N) the deliveries per second of go in fanout tcp N; bun handles N× (N–N) the deliveries per second of go in fanout tcp N; the same within ± N % in N of N figures.",
    ],
    [
      "of many cells the first ones are named",
      servers(variants("go", 100, 9), variants("bun", 200, 9))
        .split("; ")
        .slice(-2)
        .join("; "),
      "other figures in N more cells; the same within ± N % in N of N figures.",
    ],
    [
      "the same",
      servers(of("go", 100, 9), of("bun", 100.1, 9)),
      "bun and go are the same within ± N % in all that is tested.",
    ],
    [
      "undecided",
      servers(latencies("go", 100, 1000, 0.3), latencies("bun", 101, 1000, 0.3)),
      "bun and go are not told apart: undecided in N of N figures, the widest between × N and × N (each delivery pN in fanout tcp N open).",
    ],
    [
      "a stalled server has no ratio",
      servers(rounds("go", { deliveryRate: 0 }, closed), rounds("bun", { deliveryRate: 9 }, closed)),
      "bun is ahead of go in verified deliveries.",
    ],
    [
      "a share has points",
      servers(rounds("go", { lossShare: 0.2 }), rounds("bun", { lossShare: 0.1 })),
      "bun has N (N–N) points less lost than go.",
    ],
    [
      "a faulty second server is not praised",
      servers(of("go", 100, 9), of("bun", 690, 1, faulty)),
      "bun is wrong where go is right (fanout tcp N closed: lost); no speed makes up for that.",
    ],
    [
      "nor is a faulty first one",
      servers(of("go", 690, 1, faulty), of("bun", 100, 9)),
      "go is wrong where bun is right (fanout tcp N closed: lost); no speed makes up for that.",
    ],
    [
      "nor are two faulty ones",
      servers(of("go", 690, 1, faulty), of("bun", 100, 9, faulty)),
      "go and bun are both wrong (fanout tcp N closed: lost); no speed makes up for that.",
    ],
  ])("%s", (_, said, words) => {
    expect(said).toBe(words);
  });
});

describe("two records", () => {
  const wrong = (rate: number) => of("bun", rate, 9, faulty);
  test.each([
    [
      "the new one is spoken of, also where it is slower",
      records(of("bun", 100, 9), of("bun", 50, 9)),
      "new handles N× (N–N) the deliveries per second of old in fanout tcp N closed (slower); the same within ± N % in N of N figures.",
    ],
    [
      "a new fault is all that counts",
      records(of("bun", 100, 9), wrong(900)),
      "new is wrong where old was right (fanout tcp N closed: lost); no speed makes up for that.",
    ],
    [
      "a fault that stays comes first",
      records(wrong(100), wrong(100)),
      "new is wrong as old was (fanout tcp N closed: lost). new and old are the same within ± N % in all that is tested.",
    ],
    [
      "and so does one that has gone",
      records(wrong(100), of("bun", 100, 9)),
      "new is right where old was wrong (fanout tcp N closed: lost). new and old are the same within ± N % in all that is tested.",
    ],
  ])("%s", (_, said, words) => {
    expect(said).toBe(words);
  });
});
