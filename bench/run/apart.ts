/**
 * One server in rounds, beside the yardstick: what another day's run can be compared with. As many rounds as samples are
 * wanted of each cell, cells in turn.
 */
import type { ServerSource } from "../../targets/server.ts";
import { cellName, countOf } from "../record/cells.ts";
import type { RunRecord } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import type { Cell } from "../scenarios/scenario.ts";
import { blocksIn, type ComparisonOptions, type RunOptions, sliceMsOf, slicesIn } from "./run.ts";
import type { BlockCell, Pair, Session } from "./session.ts";
import { samplesOf, wantedOf, warnOfInvalid } from "./wanted.ts";
import { yardstickFor } from "./yardstick.ts";

export type ApartOptions = Pick<ComparisonOptions, "duration" | "warmup"> &
  Pick<RunOptions, "samples" | "secondarySamples" | "maxSamples">;

/** Seconds for all rounds, and for one; how many of a cell; seconds for which one drives each server, and warms it up. */
const RUN = { seconds: 44, each: 1.2, least: 2, most: 16, driven: 0.21, warmup: 0.12 };
const QUICK_RUN = { seconds: 16, each: 0.9, least: 1, most: 4, driven: 0.12, warmup: 0.12 };

/** What is asked for of a run; without it there is a default. */
type Asked = { quick: boolean } & {
  [Name in "samples" | "maxSamples" | "duration" | "warmup"]?: number | undefined;
};

/**
 * One server's rounds: short, and as many as fit into the time for all cells, so that a run of everything ends within a
 * minute, and one of a single cell has enough of them for a comparison with another day's.
 */
export function apartOf(cells: readonly Cell[], asked: Asked): ApartOptions {
  const { seconds, each, most, least, driven, warmup } = asked.quick ? QUICK_RUN : RUN;
  const inRounds = cells.filter(({ blocks, reference }) => blocks && !reference);
  const secondary = inRounds.filter((cell) => cell.secondary).length;
  const fitting = Math.floor((seconds / each - secondary) / Math.max(1, inRounds.length - secondary));
  const rounds = asked.samples ?? Math.min(most, Math.max(least, fitting));
  return {
    samples: rounds,
    ...(asked.samples === undefined && secondary < inRounds.length ? { secondarySamples: 1 } : {}),
    maxSamples: asked.maxSamples ?? rounds * 2 + 1,
    duration: asked.duration ?? driven,
    warmup: asked.warmup ?? warmup,
  };
}

/** Rounds of one server and the yardstick: as many that count as samples are wanted, within what may be taken. */
export async function measureApart(
  session: Session,
  options: Pick<RunOptions, "seed" | "onProgress">,
  wanted: ApartOptions,
  sources: ReadonlyMap<BlockCell, ServerSource[]>,
): Promise<void> {
  const { record } = session;
  const { seed = 1, onProgress } = options;
  const { duration, warmup, maxSamples } = wanted;
  const pairs = [...sources].flatMap(([cell, of]) =>
    of.map((source): Pair & { cell: BlockCell } => ({ cell, source })),
  );
  for (let number = 0; ; number++) {
    const lacking = pairs.filter(({ cell, source }) => {
      const mine = samplesOf(record, { cell, source });
      const valid = mine.filter(isValid).length;
      return valid < wantedOf(cell, wanted) && mine.length < maxSamples;
    });
    if (lacking.length === 0) break;
    for (const { cell, source } of lacking) {
      const done = record.samples.length;
      const event = { cell, server: source.name, done, planned: done + lacking.length, round: number };
      onProgress?.(event);
      const sliceMs = sliceMsOf(cell);
      const [sample] = await session.round(cell, [source], {
        blocks: blocksIn(sliceMs, duration),
        sliceMs,
        ...(warmup === undefined ? {} : { warmSlices: slicesIn(sliceMs, warmup) }),
        seed: seed + done,
        number,
        yardstick: yardstickFor(cell),
        onProgress: (progress) => onProgress?.({ ...event, progress }),
      });
      onProgress?.({ ...event, sample });
    }
  }
  for (const pair of pairs) warnOfInvalid(pair, record, wantedOf(pair.cell, wanted));
  record.warnings.push(...doubtsOf(record));
}

/** In so many of the slices somebody waited for a CPU that others used: then raw figures are the machine's, too. */
const MAX_DISTURBED = 0.5;

/** What cannot be trusted of rounds apart. */
function doubtsOf({ yardstick }: RunRecord): string[] {
  // A server's threads may wait for each other; the yardstick has but one.
  const rounds = yardstick?.samples ?? [];
  const taken = rounds.reduce((sum, { parameters }) => sum + Number(parameters.blocks ?? 0), 0);
  const disturbed = countOf(rounds, "disturbed");
  const wrong = rounds.find((sample) => sample.wrong.length > 0);
  return [
    ...(disturbed > taken * MAX_DISTURBED
      ? [
          `in ${disturbed} of ${taken} slices the yardstick or the load generator waited for a CPU that other programs used: figures can be compared by the yardstick, and as they stand are the machine's, too`,
        ]
      : []),
    ...(wrong
      ? [
          `${cellName(wrong)}: the yardstick itself failed: ${wrong.wrong.map(({ words }) => words).join("; ")}`,
        ]
      : []),
  ];
}
