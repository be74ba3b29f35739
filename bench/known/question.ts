/**
 * What is asked of a server whose answer is known: it is measured as any server is, by cells of the scenarios, and each
 * figure is held against what it must be. The list of them is in questions.ts.
 */
import { exitCodes } from "../../platform/failure.ts";
import type { ServerSource } from "../../targets/server.ts";
import type { Unit } from "../record/metrics.ts";
import type { RunRecord, Sample } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import { run } from "../run/run.ts";
import type { RunResult } from "../run/session.ts";
import type { Cell } from "../scenarios/scenario.ts";

export type Question = {
  /** What the server is, in words. */
  server: string;
  source: ServerSource;
  /** The same server without what is known of it, interleaved with it. */
  without?: ServerSource;
  /** Valid samples of each. */
  samples: number;
  /** Both are driven side by side, in so many rounds; without it sample by sample. */
  rounds?: number;
  answers: readonly Answer[];
} & ({ cell: Cell } | { ask: () => Promise<RunResult> });

/** What was measured of the server, and of the same one without. */
export type Found = {
  record: RunRecord;
  /** All samples; for counts, which no disturbance of the machine changes. */
  taken: readonly Sample[];
  /** The valid ones, of which figures are taken. */
  with: readonly Sample[];
  without: readonly Sample[];
};

export type Answer = {
  asked: string;
  unit: Unit;
  known: (found: Found) => number | undefined;
  measured: (found: Found) => number | undefined;
  /** It is a count of all samples, which needs none to be valid. */
  counted?: true;
  /** By how much the figure may be below and above what is known; "exactly" is by nothing. */
  allowed: "exactly" | ((found: Found) => { below: number; above: number });
};

/** One line of the table. Figures are of the unit, as in records: nanoseconds, bytes, per second, shares. */
export type Judged = {
  server: string;
  asked: string;
  unit: Unit;
  known: number | null;
  measured: number | null;
  error: number | null;
  below: number;
  above: number;
  /** Null where fewer valid samples were had than wanted, of which nothing is judged. */
  within: boolean | null;
  samples: { valid: number; taken: number };
};

/** So many samples are taken for each valid one at most. */
const TRIES = 3;

/** Measures the server, and judges its answers by what was had. */
export async function judge(question: Question): Promise<Judged[]> {
  const { record, failure } = await ("ask" in question ? question.ask() : runOf(question));
  if (failure && failure.exitCode !== exitCodes.untrusted) throw failure;
  return judgeRecord(question, record);
}

const runOf = ({ source, without, samples, rounds, cell }: Question & { cell: Cell }): Promise<RunResult> =>
  run({
    cells: [cell],
    sources: without ? [source, without] : [source],
    samples,
    maxSamples: samples * TRIES,
    ...(rounds === undefined ? {} : { comparison: { rounds, budgetMs: 0, settled: () => false } }),
    command: ["known"],
    interrupted: new Promise(() => {}),
  });

/** What a record says of the answers. */
export function judgeRecord(
  { server, source, without, answers, samples: wanted }: Question,
  record: RunRecord,
): Judged[] {
  const of = (name: string | undefined) => record.samples.filter((sample) => sample.server === name);
  const taken = of(source.name);
  const found: Found = {
    record,
    taken,
    with: taken.filter(isValid),
    without: of(without?.name).filter(isValid),
  };
  const enough = found.with.length >= wanted && (!without || found.without.length >= wanted);
  return answers.map(({ asked, unit, known: knownOf, measured: measure, counted, allowed }) => {
    const known = knownOf(found) ?? null;
    const measured = measure(found) ?? null;
    const { below, above } = allowed === "exactly" ? { below: 0, above: 0 } : allowed(found);
    const error = measured === null || known === null ? null : measured - known;
    const within = error === null || !(enough || counted) ? null : error >= -below && error <= above;
    const samples = { valid: found.with.length, taken: taken.length };
    return { server, asked, unit, known, measured, error, below, above, within, samples };
  });
}
