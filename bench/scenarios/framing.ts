/** Framing: whether a stream server finds its messages wherever the reads happened to cut them. */
import type { DialoguePlan, DialogueReport } from "../../clients/workloads/dialogue.ts";
import type { FramingPlan, FramingReport } from "../../clients/workloads/framing.ts";
import { type Protocol, protocolOf } from "../../protocols/index.ts";
import { severalServers } from "../record/cells.ts";
import type { Sample } from "../record/record.ts";
import { addCounts, faultsOf } from "../record/samples.ts";
import type { DetailTable } from "./columns.ts";
import {
  type BenchOptions,
  type Cell,
  protocolsFor,
  type SampleContext,
  type SampleParts,
  type Scenario,
} from "./scenario.ts";

/** Lines, or requests, of the random stage. */
const RANDOM_LINES = 10_000;
const RANDOM_LINES_QUICK = 2000;
const KINDS = ["lost", "duplicated", "reordered", "corrupt", "unexpected"] as const;
/** A right server may be slow, or stand still now and then. */
const TIMEOUT_SECONDS = 240;
const EXHAUSTIVE_SECONDS = 1200;

export const framing: Scenario = {
  name: "framing",
  summary:
    "lines and requests split and joined at every byte: lost, duplicated, reordered, corrupt, unexpected",
  fits: ({ dialect, dialogue }) => dialect !== undefined || dialogue !== undefined,
  cells: (options) => protocolsFor(framing, options).map((protocol) => cellOf(protocol, options)),
  details: (samples) => [stagesOf(samples)],
};

function cellOf(spoken: Protocol, { seed, exhaustive, quick }: BenchOptions): Cell {
  const { name: protocol } = spoken;
  const randomLines = quick ? RANDOM_LINES_QUICK : RANDOM_LINES;
  return {
    scenario: "framing",
    variant: protocol,
    protocol,
    parameters: { protocol, seed, exhaustive, randomLines },
    repeats: false,
    run: (context) => runCell(planFor(protocol, context.target, seed, exhaustive, randomLines), context),
  };
}

/** A room is listened to by others; a dialogue is between one connection and the server. */
function planFor(
  protocol: string,
  target: string,
  seed: number,
  exhaustive: boolean,
  random: number,
): FramingPlan | DialoguePlan {
  return protocolOf(protocol).dialogue
    ? { workload: "dialogue", target, protocol, seed, randomRequests: random }
    : { workload: "framing", target, protocol, seed, exhaustive, randomLines: random };
}

async function runCell(plan: FramingPlan | DialoguePlan, context: SampleContext): Promise<SampleParts> {
  const exhaustive = plan.workload === "framing" && plan.exhaustive;
  const [{ stages }] = await context.fleets.run<FramingReport | DialogueReport>(plan, {
    fleets: 1,
    onProgress: context.onProgress,
    broken: context.broken,
    timeoutSeconds: exhaustive ? EXHAUSTIVE_SECONDS : TIMEOUT_SECONDS,
  });
  const counts = addCounts([
    ...stages.map(({ counts }) => counts),
    ...stages.map(({ tried, undelivered }) => ({ tried, undelivered })),
  ]);
  return {
    counts,
    metrics: {},
    histograms: {},
    witnesses: stages.flatMap(({ witnesses }) => witnesses),
    wrong: [
      ...faultsOf(counts, KINDS),
      // A stage that nothing more came in is no fault: the sample does not count, by the rule "not delivered in time".
      ...stages.flatMap(({ name, stopped, undelivered }) =>
        stopped && undelivered === 0
          ? [{ kind: "stopped", count: 1, words: `"${name}" ended early: ${stopped}` }]
          : [],
      ),
    ],
    detail: {
      scenario: "framing",
      stages: stages.map(({ name, tried, possible, counts, stopped }) => ({
        name,
        tried,
        possible,
        counts,
        ...(stopped ? { stopped } : {}),
      })),
    },
  };
}

/** A row for each stage; `of` is how many cases there were to sample from. */
function stagesOf(samples: readonly Sample[]): DetailTable {
  const several = severalServers({ samples: [...samples] });
  const stages = samples.flatMap(({ detail, variant, server }) =>
    detail?.scenario === "framing"
      ? detail.stages.map((stage) => ({ ...stage, of: several ? `${variant} ${server}` : variant }))
      : [],
  );
  return {
    head: ["framing", "tried", "of", ...KINDS],
    rows: stages.map(({ of, name, tried, possible, counts }) => [
      `${of} ${name}`,
      tried,
      possible,
      ...KINDS.map((kind) => counts[kind] ?? 0),
    ]),
    notes: stages.flatMap(({ of, name, stopped }) =>
      stopped ? [`${of} ${name} ended early: ${stopped}`] : [],
    ),
  };
}
