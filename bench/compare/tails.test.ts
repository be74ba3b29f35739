/** Verdicts on tails: judged without the machine's pauses, and what those hide is said. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../platform/random.ts";
import { compareServers } from "./compare.ts";
import { renderText } from "./render.ts";
import { hiddenText } from "./tails.ts";
import { recordOf, sampleOf } from "./testing.ts";
import { sentence, verdictText } from "./words.ts";

const MS = 1e6;
const parameters = { loop: "open", connections: 100 };

/** Rounds of two servers, whose tails lie about 1 ms and `times` that, evenly spread over ± `noise` (of the logarithm). */
function rounds(count: number, { times = 1, noise = 0.1, calm = 20, tails = true } = {}) {
  const random = seededRandom(3);
  const near = (value: number) => value * Math.exp(noise * (2 * random() - 1));
  const sample = (server: string, round: number, p99: number) =>
    sampleOf({
      ...{ server, round, parameters, variant: "tcp 100 open" },
      counts: { slicesDriven: 40, slicesCalm: calm },
      metrics: { ...(tails ? { "delivery.p99": near(p99) } : {}), "delivery.p99WithPauses": 5 * MS },
    });
  return Array.from({ length: count }, (_, i) => [sample("a", i, MS), sample("b", i, times * MS)]).flat();
}

const compared = (...how: Parameters<typeof rounds>) =>
  compareServers(recordOf("r", rounds(...how)), "a", "b");
const tailOf = (...how: Parameters<typeof rounds>) => compared(...how).cells[0].rows[0];

describe("a p99 that is half as much again", () => {
  test("is found where the pauses leave enough of it", () => {
    expect(tailOf(10, { times: 1.5, noise: 0.2 })).toMatchObject({
      metric: "delivery.p99",
      verdict: "slower",
    });
  });

  test("is hidden where they do not, which is said with how large a change could be seen, and what shows it", () => {
    const row = tailOf(10, { times: 1.5, noise: 0.9 });
    expect(row.verdict).toBe("undecided");
    const { low, high } = row.change!.interval!;
    const beyond = Math.max(high, 1 / low);
    expect(beyond).toBeGreaterThan(1.5);
    const words = `the machine's own tail hides changes below × ${beyond.toFixed(2)}`;
    expect(verdictText(row)).toEndWith(words);
    expect(row.why).toStartWith(words);
    expect(row.why).toContain("in 50 % of the slices");
    expect(row.why).toContain("with those it is 5 ms");
    const comparison = compared(10, { times: 1.5, noise: 0.9 });
    expect(sentence(comparison)).toContain(words);
    expect(renderText(comparison)).toContain(words);
  });
});

test("without pauses nothing is laid to the machine", () => {
  const row = tailOf(10, { noise: 0.9, calm: 40 });
  expect([row.verdict, hiddenText(row), row.why]).toEqual(["undecided", "", null]);
});

test("rounds that have no tail to judge are told, though both sides lack it", () => {
  const { cells } = compared(5, { tails: false });
  expect(cells[0].missing).toEqual({ old: ["each delivery p99"], new: ["each delivery p99"] });
});
