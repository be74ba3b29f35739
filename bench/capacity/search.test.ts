/** The search and its questions alone, with values in place of servers and samples. */
import { expect, test } from "bun:test";
import { seededRandom } from "../../platform/random.ts";
import { ask, type Finding } from "./ask.ts";
import { type Answer, type Ask, type Outcome, type Purpose, searchHighest, type Verdict } from "./search.ts";

const RANGE = { start: 250, most: 1_000_000 };

/** What holds up to a limit, and all that was asked. */
function upTo(limit: number) {
  const asked: { value: number; purpose: Purpose }[] = [];
  const holds: Ask = async (value, purpose) => {
    asked.push({ value, purpose });
    return value <= limit ? "held" : "failed";
  };
  return { asked, holds };
}

function answerOf(outcome: Outcome): Answer {
  if (!("answer" in outcome) || !outcome.answer) throw new Error(`no answer: ${JSON.stringify(outcome)}`);
  return outcome.answer;
}

test.each([2, 3, 17, 249, 250, 251, 4000, 51_536, 999_999])(
  "finds a limit of %i to within 5 % from below, in a bounded number of questions",
  async (limit) => {
    const { asked, holds } = upTo(limit);
    const { value, held, of } = answerOf(await searchHighest(holds, RANGE));
    expect(value).toBeLessThanOrEqual(limit);
    expect(value).toBeGreaterThanOrEqual(Math.floor(limit / 1.05));
    expect([held, of]).toEqual([3, 3]);
    expect(asked.length).toBeLessThan(30);
  },
);

test("asks about the start first, then about twice what held, and never about more", async () => {
  const { asked, holds } = upTo(3000);
  await searchHighest(holds, RANGE);
  expect(asked[0].value).toBe(250);
  let best = 125;
  for (const { value } of asked) {
    expect(value).toBeLessThanOrEqual(best * 2);
    if (value <= 3000) best = Math.max(best, value);
  }
});

test("after a failed start it asks about less, also where the start was low", async () => {
  const { asked, holds } = upTo(4);
  expect(answerOf(await searchHighest(holds, { ...RANGE, start: 6 })).value).toBe(4);
  expect(Math.max(...asked.map(({ value }) => value))).toBeLessThanOrEqual(8);
});

test("what is told held three times, and failed twice just above", async () => {
  const { asked, holds } = upTo(600);
  const { value } = answerOf(await searchHighest(holds, RANGE));
  const times = (from: number, to: number) =>
    asked.filter((one) => one.value > from && one.value <= to).length;
  expect(times(value - 1, value)).toBeGreaterThanOrEqual(3);
  expect(times(value, value * 1.13)).toBeGreaterThanOrEqual(2);
});

test("where nothing holds there is no answer, and the least value was asked about twice", async () => {
  const { asked, holds } = upTo(0);
  expect(await searchHighest(holds, RANGE)).toEqual({ answer: null });
  expect(asked.filter(({ value }) => value === 2).length).toBeGreaterThanOrEqual(2);
});

test("where all holds the answer is the most that can be asked for", async () => {
  const { asked, holds } = upTo(Number.POSITIVE_INFINITY);
  expect(answerOf(await searchHighest(holds, RANGE)).value).toBe(RANGE.most);
  expect(Math.max(...asked.map(({ value }) => value))).toBe(RANGE.most);
});

test("a start above the most that can be asked for is not asked about", async () => {
  const { asked, holds } = upTo(1e9);
  expect(answerOf(await searchHighest(holds, { start: 5000, most: 1000 })).value).toBe(1000);
  expect(Math.max(...asked.map(({ value }) => value))).toBe(1000);
});

test("a minute in which everything failed is found out above", async () => {
  let asked = 0;
  const holds: Ask = async (value) => {
    const spoilt = ++asked > 3 && asked <= 6;
    return !spoilt && value <= 40_000 ? "held" : "failed";
  };
  const { value } = answerOf(await searchHighest(holds, RANGE));
  expect(value).toBeGreaterThan(36_000);
  expect(value).toBeLessThanOrEqual(40_000);
});

test("a value that fails by itself, while those above it hold, is no limit", async () => {
  const holds: Ask = async (value) => (value <= 9000 && (value < 900 || value > 1000) ? "held" : "failed");
  expect(answerOf(await searchHighest(holds, RANGE)).value).toBeGreaterThan(8000);
});

test("where the machine is in the way twice, the search ends there", async () => {
  const hidden: Ask = async (value) => (value > 1000 ? "unjudged" : "held");
  expect(await searchHighest(hidden, RANGE)).toEqual({ unjudged: 1848 });
});

test("once is passed over", async () => {
  let asked = 0;
  const { holds } = upTo(2000);
  const once: Ask = async (...question) => (++asked === 4 ? "unjudged" : holds(...question));
  expect(answerOf(await searchHighest(once, RANGE)).value).toBeGreaterThan(1900);
});

test("what answers at random is not decided, in a bounded number of questions", async () => {
  const random = randomOf(1);
  let asked = 0;
  const coin: Ask = async (value) => {
    asked++;
    return random() < 0.5 / Math.log10(value) ? "held" : "failed";
  };
  await searchHighest(coin, RANGE);
  expect(asked).toBeLessThanOrEqual(45);
  asked = 0;
  expect(await searchHighest(coin, { ...RANGE, more: () => asked < 3 })).toHaveProperty("undecided");
  expect(asked).toBe(3);
});

/** The first numbers of like seeds are alike. */
function randomOf(seed: number): () => number {
  const random = seededRandom(seed * 7919 + 13);
  for (let i = 0; i < 50; i++) random();
  return random;
}

const held: Finding = { met: true, evidence: [], hidden: false };
const unexplained: Finding = { met: false, evidence: [], hidden: false };
const hidden: Finding = { met: false, evidence: [], hidden: true };
const grown: Finding = { met: false, evidence: [{ kind: "queue", words: "the queue grew" }], hidden: false };

const suspect: Finding = { ...grown, hidden: true, suspect: true };

/** Answers about a server behind a machine: `noise` of the samples are missed for nothing, half of them as if by a queue. */
async function manyRuns(holds: Holds, noise: number): Promise<number[]> {
  const runs = Array.from({ length: 100 }, async (_, seed) => {
    const random = randomOf(seed);
    const measure = async (value: number): Promise<Finding> => {
      if (random() < noise) return random() < 0.5 ? grown : random() < 0.5 ? hidden : unexplained;
      return holds(value, random) ? held : grown;
    };
    const asking: Ask = async (value) => (await ask(() => measure(value))).verdict;
    return answerOf(await searchHighest(asking, RANGE)).value;
  });
  return Promise.all(runs);
}

type Holds = (value: number, random: () => number) => boolean;
const LIMIT = 51_536;
const hard: Holds = (value) => value <= LIMIT;
/** Holds nearly always 10 % below, and nearly never 10 % above. */
const soft: Holds = (value, random) => random() < 1 / (1 + Math.exp(Math.log(value / LIMIT) / 0.03));

// The ten seeds that come first are no better than those behind them: so it is asked of a hundred.
test.each([
  ["a hard limit", 0, hard, 100],
  ["a hard limit", 0.1, hard, 100],
  ["a hard limit", 0.2, hard, 100],
  ["a hard limit", 0.3, hard, 97],
  ["a soft knee", 0, soft, 100],
  ["a soft knee", 0.1, soft, 100],
  ["a soft knee", 0.2, soft, 97],
  ["a soft knee", 0.3, soft, 94],
] as const)(
  "of 100 runs of %s beside noise of %p, nearly all come within 10 %% of it",
  async (_, noise, holds, least) => {
    const near = (await manyRuns(holds, noise)).filter((value) => Math.abs(value / LIMIT - 1) < 0.1);
    expect(near.length).toBeGreaterThanOrEqual(least);
  },
);

test("a machine whose tail hides the objective says nothing of the server, at once", async () => {
  let samples = 0;
  const measure = async () => {
    samples++;
    return hidden;
  };
  const asking: Ask = async () => (await ask(measure)).verdict;
  expect(await searchHighest(asking, RANGE)).toEqual({ unjudged: 250 });
  expect(samples).toBe(12);
});

test.each<[string, Finding[], Verdict]>([
  ["met at once", [held], "held"],
  ["missed without evidence, then met", [unexplained, hidden, held], "held"],
  ["missed with evidence", [grown], "failed"],
  ["missed with evidence after a disturbed one", [{ ...grown, hidden: true }, grown], "failed"],
  ["missed three times while the machine was quiet", [unexplained, unexplained, unexplained], "failed"],
  [
    "missed, and the machine in the way each time",
    [hidden, hidden, hidden, hidden, hidden, hidden],
    "unjudged",
  ],
  ["falling behind four times with time to spare", [suspect, suspect, suspect, suspect], "failed"],
  ["falling behind, but not each time", [suspect, hidden, suspect, hidden, suspect, hidden], "unjudged"],
  ["missed, and by the machine even in its median", [{ ...hidden, hopeless: true }], "unjudged"],
])("a value that is %s", async (_, list, verdict) => {
  let i = 0;
  const { findings, verdict: got } = await ask(async () => list[i++]);
  expect(got).toBe(verdict);
  expect(findings).toEqual(list);
});

test("where there is no time for another sample, what is not known stays so", async () => {
  expect(
    (
      await ask(
        async () => unexplained,
        () => false,
      )
    ).verdict,
  ).toBe("unjudged");
});
