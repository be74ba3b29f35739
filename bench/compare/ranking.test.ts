/** Three or more servers in an order: only what a pair's own rounds decide parts two of them. */
import { describe, expect, test } from "bun:test";
import type { RunRecord, Sample } from "../record/record.ts";
import { compareAll } from "./compare.ts";
import { rank } from "./ranking.ts";
import { rankingSentence } from "./ranking-words.ts";
import { renderRanking, renderRankingMarkdown } from "./render-ranking.ts";
import { LOOKS } from "./rounds.ts";
import { isSettled } from "./settled.ts";
import { normal, recordOf, sampleOf } from "./testing.ts";

/** Rounds of some servers by the rate of each, with 3 % of noise that all share and `noise` that none does. */
function roundsOf(
  rates: Record<string, number>,
  {
    count = 13,
    noise = 0.003,
    seed = 3,
    ...parts
  }: { count?: number; noise?: number; seed?: number } & Partial<Sample> = {},
): Sample[] {
  const next = normal(seed);
  return Array.from({ length: count }, (_, round) => {
    const mood = Math.exp(0.03 * next());
    return Object.entries(rates).map(([server, rate]) =>
      sampleOf({
        server,
        round,
        metrics: { deliveryRate: rate * mood * Math.exp(noise * next()) },
        ...parts,
      }),
    );
  }).flat();
}

const record = (...samples: Sample[][]): RunRecord => recordOf("r", samples.flat());
const placesOf = (made: RunRecord, figure = 0) =>
  rank(made).figures[figure].places.map(({ server, place }) => `${server} ${place?.from}–${place?.to}`);
const lost = [{ kind: "lost", count: 1, words: "did not arrive" }];

describe("places", () => {
  test("are in the order of the servers, whichever comes first in the run", () => {
    const made = record(roundsOf({ go: 100, bun: 700, node: 150 }));
    expect(placesOf(made)).toEqual(["bun 1–1", "node 2–2", "go 3–3"]);
    const [best, node] = rank(made).figures[0].places;
    expect(best).toMatchObject({ toBest: null, verdict: null, tied: {} });
    expect(node).toMatchObject({ verdict: "slower", rounds: 13 });
    expect(node.toBest?.estimate).toBeCloseTo(150 / 700, 2);
    expect(node.toBest?.interval?.high).toBeLessThan(0.25);
  });

  test("of two that are not told apart are shared, and each is said of the other", () => {
    const made = record(roundsOf({ go: 100, bun: 700, node: 100.1 }));
    expect(placesOf(made).toSorted()).toEqual(["bun 1–1", "go 2–3", "node 2–3"]);
    const tied = Object.fromEntries(rank(made).figures[0].places.map(({ server, tied }) => [server, tied]));
    expect(tied).toEqual({ bun: {}, go: { node: "same" }, node: { go: "same" } });
  });

  test("part nobody whom noise hides, by whatever the medians differ", () => {
    const made = record(roundsOf({ a: 100, b: 104, c: 108 }, { noise: 0.3 }));
    expect(placesOf(made).map((text) => text.slice(2))).toEqual(["1–3", "1–3", "1–3"]);
    expect(rankingSentence(rank(made))).toMatch(
      /^which of ., . and . is best in verified deliveries is undecided\.$/,
    );
  });

  test("overlap along a chain of which only the ends are told apart", () => {
    const made = record(roundsOf({ a: 100, b: 102, c: 104 }, { count: 49, noise: 0.035 }));
    const found = rank(made, { threshold: 0.01 }).figures[0].places;
    const of = (name: string) => found.find(({ server }) => server === name)!;
    expect(of("c").place).toEqual({ from: 1, to: 2 });
    expect(of("b").place).toEqual({ from: 1, to: 3 });
    expect(of("a").place).toEqual({ from: 2, to: 3 });
    expect(Object.keys(of("a").tied)).toEqual(["b"]);
    expect(of("a").verdict).toBe("slower");
  });

  test("less is better of CPU time", () => {
    const cpu = (server: string, value: number) =>
      roundsOf({ [server]: 1 }).map((sample) => ({
        ...sample,
        metrics: { serverCpuPerDelivery: value * (1 + 0.001 * (sample.round ?? 0)) },
      }));
    expect(placesOf(record(cpu("a", 9), cpu("b", 1), cpu("c", 3)))).toEqual(["b 1–1", "c 2–2", "a 3–3"]);
  });
});

describe("a wrong server", () => {
  const made = record(roundsOf({ bun: 900 }, { wrong: lost }), roundsOf({ go: 100, node: 300 }));
  test("has no place, however fast it is, and is named first", () => {
    expect(placesOf(made)).toEqual(["node 1–1", "go 2–2", "bun undefined–undefined"]);
    expect(rankingSentence(rank(made))).toMatch(
      /^bun is wrong \(fanout tcp 100 closed: lost\); no speed makes up for that\. node handles 3\.\d+× .* of go\.$/,
    );
  });

  test("shows no ratio", () => {
    const line = renderRanking(rank(made))
      .split("\n")
      .find((text) => text.startsWith("  bun"));
    expect(line).toMatch(/WRONG +\d+ \/s +–/);
  });

  test("leaves nothing to say where only one is right", () => {
    const two = record(roundsOf({ bun: 900, go: 100 }, { wrong: lost }), roundsOf({ node: 300 }));
    expect(rankingSentence(rank(two))).toBe(
      "bun and go are wrong (fanout tcp 100 closed: lost and 1 more); no speed makes up for that.",
    );
  });
});

describe("the sentence", () => {
  test.each([
    [
      { go: 100, bun: 700, node: 150 },
      /^bun handles 4\.\d+× \(.*\) the deliveries per second of node and 7\.\d+× \(.*\) those of go\.$/,
    ],
    [
      { go: 100, bun: 700, node: 700.1 },
      /^(bun and node|node and bun) are not told apart, and (bun|node) handles 7\.0\d× \(.*\) the deliveries per second of go\.$/,
    ],
    [
      { go: 100, bun: 100.1, node: 99.9 },
      /^.*,.* and .* are the same within ± 5 % in verified deliveries\.$/,
    ],
  ])("of %p", (rates, words) => {
    expect(rankingSentence(rank(record(roundsOf(rates))))).toMatch(words);
  });

  test("names cells where there are several, and not more than a few", () => {
    const cells = Array.from({ length: 6 }, (_, i) =>
      roundsOf({ a: 1, b: 2, c: 4 }, { variant: `tcp ${i}` }),
    );
    const said = rankingSentence(rank(record(...cells)));
    expect(said.match(/c handles/g)).toHaveLength(4);
    expect(said).toContain("of a in fanout tcp 0; ");
    expect(said).toEndWith("; and so on in 2 more cells.");
  });
});

describe("the chance of a false alarm", () => {
  test("is shared by all pairs, since the best is seen only afterwards", () => {
    const made = record(roundsOf({ a: 100, b: 101, c: 102, d: 103 }));
    const pairs = compareAll(made);
    expect(pairs).toHaveLength(6);
    for (const { level, looks } of pairs) {
      expect(level).toBeCloseTo(0.01 / 6, 10);
      expect(looks).toBe(LOOKS.length);
    }
    const { level, tests } = rank(made);
    expect([level, tests]).toEqual([0.01, 6]);
    const width = (found: typeof pairs) => {
      const { low, high } = found[0].cells[0].rows[0].change!.interval!;
      return high / low;
    };
    expect(width(pairs)).toBeGreaterThan(width(compareAll(made, {}, ["a", "b"])));
  });

  test("of equal servers hardly ever parts any two", () => {
    const alarms = Array.from({ length: 300 }, (_, seed) =>
      rank(record(roundsOf({ a: 1, b: 1, c: 1 }, { count: 8, noise: 0.05, seed }))),
    ).filter(({ figures }) => figures.some(({ places }) => places.some(({ place }) => place!.from > 1)));
    expect(alarms.length).toBeLessThan(6);
  });

  test("a run goes on until every pair is decided", () => {
    const cell = { scenario: "fanout", variant: "tcp 100 closed" };
    const clear = { count: 8, noise: 0.005 };
    const last = { count: 8, noise: 0.3 };
    expect(isSettled(record(roundsOf({ a: 1, b: 2, c: 4 }, clear)), cell, 0.05)).toBeTrue();
    // Both are told from the first, and not from each other.
    const open = record(roundsOf({ a: 100 }, clear), roundsOf({ b: 1, c: 1.1 }, last));
    expect(
      compareAll(open).map(
        ({
          cells: [
            {
              rows: [row],
            },
          ],
        }) => row.verdict,
      ),
    ).toEqual(["slower", "slower", "undecided"]);
    expect(isSettled(open, cell, 0.05)).toBeFalse();
  });
});

test("a server with other cells is said to be left out", () => {
  const made = record(roundsOf({ a: 1, b: 2, c: 4 }), roundsOf({ d: 1 }, { variant: "ws" }));
  expect(rank(made).notCompared).toEqual(["d"]);
  expect(renderRanking(rank(made))).toContain("no cell in common with others: d");
});

test("text and Markdown have the sentence first; with all, every pair follows", () => {
  const ranking = rank(record(roundsOf({ a: 1, b: 2, c: 4 })));
  const text = renderRanking(ranking, { all: true });
  expect(text).toStartWith(rankingSentence(ranking));
  for (const pair of ["a r → b r", "a r → c r", "b r → c r"]) expect(text).toContain(pair);
  const lines = renderRankingMarkdown(ranking).split("\n");
  expect(lines[0]).toBe(`**${rankingSentence(ranking)}**`);
  expect(new Set(lines.filter((line) => line.startsWith("|")).map((row) => row.split("|").length)).size).toBe(
    1,
  );
});
