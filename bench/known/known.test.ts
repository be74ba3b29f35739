/**
 * That the bench's figures are what they say: servers whose answer is known, in short runs. Here only a gross miss fails, so
 * that a busy machine does not: counts are exact, and a time is never shorter than it must be. `bun run known` asks for more.
 */
import { describe, expect, test } from "bun:test";
import { run } from "../run/run.ts";
import * as amount from "./amounts.ts";
import { codeOf, render } from "./known.ts";
import { type Judged, judgeRecord, type Question } from "./question.ts";
import * as wait from "./waits.ts";

const TIMEOUT_MS = 60_000;
const short = { seconds: 1, samples: 1 };
const ANY = Number.POSITIVE_INFINITY;

/** One sample of each server, whatever the machine did meanwhile. */
async function answersOf(question: Question): Promise<Judged[]> {
  if (!("cell" in question)) throw new Error("it is not asked by a cell");
  const { source, without, cell } = question;
  const { record, failure } = await run({
    cells: [cell],
    sources: without ? [source, without] : [source],
    ...{ samples: 1, maxSamples: 1, fleets: 1, command: [] },
    interrupted: new Promise(() => {}),
  });
  if (failure) throw failure;
  return judgeRecord(question, {
    ...record,
    samples: record.samples.map((sample) => ({ ...sample, invalid: [] })),
  });
}

/** The same server alone: without a figure of its own a time has a lower bound all the same. */
const alone = ({ without: _, ...question }: Question): Question => question as Question;

/** For each answer: what it is of what is known, at least and at most. */
type Bounds = [least: number, most: number][];
const rows: [Question, Bounds][] = [
  [alone(wait.delayLine(20, short)), [[0.998, ANY]]],
  // Less by a step of the load and of the histogram.
  [
    wait.stall(short),
    [
      [0.988, ANY],
      [0.993, ANY],
    ],
  ],
  [alone(wait.sumDelay(10, short)), [[0.998, ANY]]],
  [amount.throttle(20_000, { ...short, seconds: 2 }), [[0, 1.1]]],
  [
    amount.loser(50, short),
    [
      [1, 1],
      [0.8, 1.2],
    ],
  ],
  [
    alone(wait.slowLast(30, short)),
    [
      [0.998, ANY],
      [0.998, ANY],
    ],
  ],
  [amount.cutter(777), [[1, 1]]],
];
/** Where a process's CPU time and memory can be read. */
const onLinux: typeof rows = [
  [amount.burner(500, { ...short, seconds: 0.5 }), [[0.5, 2]]],
  [amount.hoarder(64, 300, short), [[0.5, 2]]],
];

test.each(
  [...rows, ...(process.platform === "linux" ? onLinux : [])].map(
    ([question, bounds]) => [question.server, question, bounds] as const,
  ),
)(
  "%s is measured as that",
  async (_server, question, bounds) => {
    const answers = await answersOf(question);
    for (const [i, [least, most]] of bounds.entries()) {
      const { asked, known, measured } = answers[i];
      expect([asked, typeof measured]).toEqual([asked, "number"]);
      expect(measured! / known!, asked).toBeGreaterThanOrEqual(least);
      expect(measured! / known!, asked).toBeLessThanOrEqual(most);
    }
  },
  TIMEOUT_MS,
);

describe("an answer", () => {
  const question = wait.delayLine(20, short);
  const sample = (server: string, p50: number, invalid: object[] = []) => ({
    ...{ server, invalid, counts: {}, metrics: { "delivery.p50": p50 } },
  });
  const judged = (...samples: object[]) => judgeRecord(question, { samples } as never);
  const floor = sample(question.without!.name, 1e5);

  test.each([
    [20.05e6, true],
    [21.2e6, false],
    [19.9e6, false],
    [10e6, false],
  ])("of %d ns where 20 ms are known, above a floor of 0.1 ms, is within its bounds: %p", (p50, within) => {
    const found = judged(sample(question.source.name, p50), floor);
    expect(found).toMatchObject([{ known: 20e6, measured: p50, error: p50 - 20e6, within }]);
    expect(codeOf(found)).toBe(within ? 0 : 4);
    expect(render(found)).toContain(within ? "✓" : "MISSED");
  });

  test("of samples that do not count is not judged, and no success", () => {
    const found = judged(sample(question.source.name, 20e6, [{ rule: "stolen CPU" }]), floor);
    expect(found).toMatchObject([{ within: null, samples: { valid: 0, taken: 1 } }]);
    expect(codeOf(found)).toBe(4);
    expect(render(found)).toContain("not judged");
  });
});

test("the command names what it knows, and refuses what it does not", () => {
  const { exitCode, stderr } = Bun.spawnSync([
    process.execPath,
    `${import.meta.dir}/../sockbench.ts`,
    "known",
    "nothing",
  ]);
  expect(exitCode).toBe(2);
  expect(stderr.toString()).toContain("delay, stall, sum, throttle");
});
