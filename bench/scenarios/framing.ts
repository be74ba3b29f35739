/** Framing: whether a stream server finds its messages wherever the reads happened to cut them. */
import type { FramingPlan, FramingReport } from "../../clients/workloads/framing.ts";
import type { DialectName } from "../../protocols/chat.ts";
import { table, whole } from "../format.ts";
import type { Sample } from "../record.ts";
import { addCounts, faultsOf } from "../samples.ts";
import { type Cell, type Scenario, wanted } from "./scenario.ts";

const RANDOM_LINES = 10_000;
const KINDS = ["lost", "duplicated", "reordered", "corrupt", "unexpected"] as const;
const PATIENCE_SECONDS = 60;
const EXHAUSTIVE_SECONDS = 1200;

export const framing: Scenario = {
  name: "framing",
  summary: "lines cut and joined everywhere: lost, duplicated, reordered, corrupt, unexpected",
  protocols: ["chat/bracket"],
  cells: (options) =>
    framing.protocols
      .filter((protocol) => wanted(protocol, options))
      .map((protocol): Cell => {
        const { seed, exhaustive } = options;
        return {
          scenario: "framing",
          variant: protocol,
          protocol,
          parameters: { protocol, seed, exhaustive, randomLines: RANDOM_LINES },
          repeats: false,
          async run(context) {
            const plan: FramingPlan = {
              workload: "framing",
              target: context.target,
              protocol: protocol as DialectName,
              seed,
              exhaustive,
              randomLines: RANDOM_LINES,
            };
            const [{ stages }] = await context.fleets.run<FramingReport>(plan, {
              fleets: 1,
              onProgress: context.onProgress,
              broken: context.broken,
              patienceSeconds: exhaustive ? EXHAUSTIVE_SECONDS : PATIENCE_SECONDS,
            });
            const counts = addCounts([
              ...stages.map(({ counts }) => counts),
              { tried: stages.reduce((sum, { tried }) => sum + tried, 0) },
            ]);
            return {
              counts,
              metrics: {},
              histograms: {},
              witnesses: stages.flatMap(({ witnesses }) => witnesses),
              wrong: [
                ...faultsOf(counts, KINDS),
                ...stages.flatMap(({ name, stopped }) =>
                  stopped ? [{ kind: "stopped", count: 1, words: `"${name}" ended early: ${stopped}` }] : [],
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
          },
        };
      }),
  table: framingTable,
};

function framingTable(samples: Sample[]): string {
  const rows = samples.flatMap(({ detail, variant, server }) =>
    detail?.scenario === "framing"
      ? detail.stages.map(({ name, tried, possible, counts }) => [
          `${variant} ${server} ${name}`,
          whole(tried) + (possible > tried ? ` of ${whole(possible)}` : ""),
          ...KINDS.map((kind) => whole(counts[kind] ?? 0)),
        ])
      : [],
  );
  return table(["framing", "tried", ...KINDS], rows);
}
